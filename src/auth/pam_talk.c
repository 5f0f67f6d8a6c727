/*
 * pam_talk.c - see pam_talk.h. The only file that knows PAM's types.
 *
 * PAM prompts, and a client has given its one password already: it is the answer to every
 * prompt that hides what is typed, and there is none to any other.
 */
#include <assert.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "auth_internal.h"
#include "pam_talk.h"

static_assert(PAM_PASSWORD_MOST < PAM_MAX_RESP_SIZE, "PAM takes answers so long");

/* What the conversation works on. Lives for one pam_talk(); borrowed. */
struct talk {
	const struct pam_asked *asked;
	struct pam_answer *answer;
};

/* What is remembered of a module's words: as many as there is room for. */
static void
note(struct pam_answer *answer, const char *text)
{
	size_t length = strlen(answer->said);

	snprintf(answer->said + length, sizeof(answer->said) - length, "%s%s",
	    length > 0 ? "; " : "", text != NULL ? text : "");
}

static int
reply(struct talk *talk, const struct pam_message *message, struct pam_response *response)
{
	switch (message->msg_style) {
	case PAM_PROMPT_ECHO_OFF:
		response->resp = strdup(talk->asked->password);
		return response->resp != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
	case PAM_ERROR_MSG:
	case PAM_TEXT_INFO:
		note(talk->answer, message->msg);
		return PAM_SUCCESS;
	default:
		note(talk->answer, "a module asks for more than a password");
		return PAM_CONV_ERR;
	}
}

static void
drop_replies(struct pam_response *responses, int count)
{
	for (int i = 0; i < count; i++) {
		if (responses[i].resp == NULL)
			continue;
		OPENSSL_cleanse(responses[i].resp, strlen(responses[i].resp));
		free(responses[i].resp);
	}
	free(responses);
}

/* PAM frees the replies of a conversation that went well: they come from the C library. */
static int
converse(int count, const struct pam_message **messages, struct pam_response **responses,
    void *arg)
{
	struct pam_response *replies;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	replies = calloc((size_t)count, sizeof(*replies));
	if (replies == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int code = reply(arg, messages[i], &replies[i]);

		if (code != PAM_SUCCESS) {
			drop_replies(replies, count);
			return code;
		}
	}
	*responses = replies;
	return PAM_SUCCESS;
}

#ifdef PAM_FAIL_DELAY
/* Instead of sleeping on a thread that others wait for: who asked makes the client wait. */
static void
note_delay(int code, unsigned delay_us, void *arg)
{
	struct talk *talk = arg;

	if (code != PAM_SUCCESS)
		talk->answer->delay_us = delay_us;
}
#endif

/* Does the name lead back to the address? Who owns an address may give it any name. */
static bool
leads_back(const char *name, const struct addrinfo *address)
{
	const struct addrinfo hints = { .ai_family = address->ai_family,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	bool same = false;

	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *at = found; at != NULL && !same; at = at->ai_next)
		same = at->ai_addrlen == address->ai_addrlen &&
		    CRYPTO_memcmp(at->ai_addr, address->ai_addr, at->ai_addrlen) == 0;
	freeaddrinfo(found);
	return same;
}

/* The name of an address; the address itself where it has none. */
static void
find_name(const char *digits, char name[NI_MAXHOST])
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *address = NULL;

	if (getaddrinfo(digits, NULL, &hints, &address) == 0) {
		if (getnameinfo(address->ai_addr, address->ai_addrlen, name, NI_MAXHOST, NULL, 0,
			NI_NAMEREQD) == 0 && leads_back(name, address)) {
			freeaddrinfo(address);
			return;
		}
		freeaddrinfo(address);
	}
	snprintf(name, NI_MAXHOST, "%s", digits);
}

static int
set_host(pam_handle_t *pam, const struct pam_asked *asked)
{
	char name[NI_MAXHOST];

	if (asked->address == NULL)
		return PAM_SUCCESS;
	if (!asked->by_name)
		return pam_set_item(pam, PAM_RHOST, asked->address);
	find_name(asked->address, name);
	return pam_set_item(pam, PAM_RHOST, name);
}

static int
set_delay(pam_handle_t *pam)
{
#ifdef PAM_FAIL_DELAY
	/* The interface has one type for all items, and functions are no objects to C. */
	void (*delay)(int code, unsigned delay_us, void *arg) = note_delay;
	const void *item;

	static_assert(sizeof(item) == sizeof(delay), "PAM passes it as a pointer");
	memcpy(&item, &delay, sizeof(item));
	return pam_set_item(pam, PAM_FAIL_DELAY, item);
#else
	(void)pam;
	return PAM_SUCCESS;
#endif
}

static void
refuse(struct talk *talk, pam_handle_t *pam, const char *step, int code)
{
	const char *text = pam_strerror(pam, code);

	snprintf(talk->answer->why, sizeof(talk->answer->why), "PAM service \"%s\": %s: %s",
	    talk->asked->service, step, text != NULL ? text : "unknown error");
}

void
pam_talk(const struct pam_asked *asked, struct pam_answer *answer)
{
	struct talk talk = { .asked = asked, .answer = answer };
	const struct pam_conv conversation = { .conv = converse, .appdata_ptr = &talk };
	const char *step = "pam_start";
	pam_handle_t *pam = NULL;
	int code;

	*answer = (struct pam_answer){ 0 };
	code = pam_start(asked->service, asked->user, &conversation, &pam);
	if (code == PAM_SUCCESS)
		code = set_delay(pam);
	if (code == PAM_SUCCESS)
		code = set_host(pam, asked);
	/* An account without a password is not open to everybody who types something. */
	if (code == PAM_SUCCESS) {
		step = "pam_authenticate";
		code = pam_authenticate(pam, PAM_DISALLOW_NULL_AUTHTOK);
	}
	if (code == PAM_SUCCESS) {
		step = "pam_acct_mgmt";
		code = pam_acct_mgmt(pam, PAM_DISALLOW_NULL_AUTHTOK);
	}
	answer->yes = code == PAM_SUCCESS;
	if (!answer->yes)
		refuse(&talk, pam, step, code);
	if (pam != NULL)
		pam_end(pam, code);
}
