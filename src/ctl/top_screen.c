/* top_screen.c - the terminal of the live view: raw keys, its size, drawing. See top.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "top.h"

/* The terminal as it was, and a pipe that signals write into: they may come to any thread. */
static struct termios before;
static int told[2] = { -1, -1 };

static void
on_signal(int number)
{
	unsigned char byte = (unsigned char)number;

	if (write(told[1], &byte, 1) < 0)
		return; /* it is full: there is enough to read */
}

static void
catch_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGHUP, SIGINT, SIGWINCH };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

bool
screen_open(void)
{
	struct termios raw;

	if (isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) != 0 ||
	    pipe2(told, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	catch_signals();
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l", stdout); /* the other screen, no cursor */
	fflush(stdout);
	return true;
}

void
screen_close(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	close(told[0]);
	close(told[1]);
}

void
screen_size(size_t *rows, size_t *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
		return;
	*rows = size.ws_row;
	*columns = size.ws_col;
}

void
screen_draw(struct buf *text)
{
	fputs("\033[H", stdout);
	for (size_t i = 0; i < buf_length(text); i++) {
		char byte = (char)buf_bytes(text)[i];

		if (byte == '\n')
			fputs("\033[K\r\n", stdout);
		else
			putchar(byte);
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* Left and right are three bytes; what else begins so is nothing. */
static enum screen_key
key_of(const char *bytes, ssize_t length, char *letter)
{
	*letter = bytes[0];
	if (bytes[0] == 'q' || bytes[0] == 3 || bytes[0] == 4)
		return KEY_QUIT;
	if (bytes[0] != '\033')
		return KEY_OTHER;
	if (length >= 3 && bytes[2] == 'D')
		return KEY_LEFT;
	return length >= 3 && bytes[2] == 'C' ? KEY_RIGHT : KEY_NONE;
}

static enum screen_key
read_signal(void)
{
	unsigned char number;

	while (read(told[0], &number, 1) == 1)
		if (number != SIGWINCH)
			return KEY_QUIT;
	return KEY_NONE;
}

enum screen_key
screen_wait(int timeout_ms, char *letter)
{
	struct pollfd ready[2] = { { STDIN_FILENO, POLLIN, 0 }, { told[0], POLLIN, 0 } };
	char bytes[16];
	ssize_t length;

	if (poll(ready, 2, timeout_ms) <= 0)
		return KEY_NONE;
	if (ready[1].revents != 0)
		return read_signal();
	length = read(STDIN_FILENO, bytes, sizeof(bytes));
	return length > 0 ? key_of(bytes, length, letter) : KEY_QUIT;
}
