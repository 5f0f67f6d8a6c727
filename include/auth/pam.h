/*
 * pam.h - is this the user's password? Asking PAM, off the loops.
 *
 * A module may take as long as it likes (a directory that does not answer), so threads of
 * their own ask. What a thread works on is its own copy: a question is withdrawn at once,
 * whatever its module does, and what that finds out later is thrown away.
 */
#ifndef AUTH_PAM_H
#define AUTH_PAM_H

#include <stdbool.h>
#include <stddef.h>

/* The threads of the process and the line in front of them. Any thread; owned by daemon. */
struct pam_threads;
struct pam_task;

/* What is asked. Borrowed for the call. */
struct pam_asked {
	const char *service; /* of /etc/pam.d */
	const char *user, *password;
	const char *address; /* where the client is, in digits; NULL: on this machine */
	bool by_name;	     /* PAM hears the name of that address, if it has one */
};

struct pam_answer {
	bool yes;
	char why[300];	   /* not: for the log */
	char said[500];	   /* what modules said, for the log; "" for nothing */
	unsigned delay_us; /* how long they want the client to wait for a no */
};

/* A question until it is answered. Owned by whoever asks. */
struct pam_question {
	/* `answer` is there. Called once, by another thread, unless withdrawn; must not wait. */
	void (*answered)(struct pam_question *question);
	struct pam_answer answer;
	struct pam_task *task; /* pam.c's; NULL: it is not under way */
};

/* At most so many threads, each started when there is nobody free. */
struct pam_threads *pam_threads_new(unsigned most);
/*
 * No more is asked, and every question was answered or withdrawn. False: after a second some
 * threads were still in a module; they end with the process, which should end without ado.
 */
bool pam_threads_free(struct pam_threads *threads);
/* False: `most` wait in line already, or there is no thread to be had. */
bool pam_ask(struct pam_threads *threads, const struct pam_asked *asked, size_t most,
    struct pam_question *question);
/* True: the question is the caller's again. False: answered() was called. */
bool pam_withdraw(struct pam_threads *threads, struct pam_question *question);

#endif
