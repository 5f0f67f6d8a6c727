/*
 * pam_gate.c - a module of PAM for tests/integration/test_pam.py, which compiles it.
 *
 *   auth required /path/pam_gate.so FOLDER         tells FOLDER/entered "service user host"
 *   auth required /path/pam_gate.so FOLDER wait    and waits until FOLDER/gate, a FIFO, has a byte
 *   auth required /path/pam_gate.so FOLDER echo    and asks for something that is shown
 *   auth required /path/pam_gate.so FOLDER say     and says something to the user
 */
#include <errno.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
item(pam_handle_t *pam, int which)
{
	const void *value = NULL;

	return pam_get_item(pam, which, &value) == PAM_SUCCESS && value != NULL ? value : "-";
}

/* One write, so that lines of several threads stay whole. */
static int
tell(pam_handle_t *pam, const char *folder)
{
	char path[4096], line[1024];
	int length = snprintf(line, sizeof(line), "%s %s %s\n", item(pam, PAM_SERVICE),
	    item(pam, PAM_USER), item(pam, PAM_RHOST));
	int fd, written;

	snprintf(path, sizeof(path), "%s/entered", folder);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return PAM_SYSTEM_ERR;
	written = (int)write(fd, line, (size_t)length);
	close(fd);
	return written == length ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static int
wait_at_gate(const char *folder)
{
	char path[4096], byte;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/gate", folder);
	do
		fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return PAM_SYSTEM_ERR;
	do
		got = read(fd, &byte, 1);
	while (got < 0 && errno == EINTR);
	close(fd);
	return got == 1 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static int
converse(pam_handle_t *pam, int style, const char *text)
{
	const struct pam_message message = { style, text };
	const struct pam_message *messages = &message;
	struct pam_response *responses = NULL;
	const struct pam_conv *conversation = NULL;

	int code = pam_get_item(pam, PAM_CONV, (const void **)&conversation);

	if (code == PAM_SUCCESS)
		code = conversation->conv(1, &messages, &responses, conversation->appdata_ptr);
	if (code == PAM_SUCCESS)
		free(responses); /* none of these has an answer */
	return code;
}

int
pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	int code = argc > 0 ? tell(pam, argv[0]) : PAM_SYSTEM_ERR;

	(void)flags;
	if (code == PAM_SUCCESS && argc > 1 && strcmp(argv[1], "wait") == 0)
		code = wait_at_gate(argv[0]);
	if (code == PAM_SUCCESS && argc > 1 && strcmp(argv[1], "echo") == 0)
		code = converse(pam, PAM_PROMPT_ECHO_ON, "favourite colour: ");
	if (code == PAM_SUCCESS && argc > 1 && strcmp(argv[1], "say") == 0)
		code = converse(pam, PAM_TEXT_INFO, "the door\nwas left open");
	return code;
}

int
pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	(void)pam;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
