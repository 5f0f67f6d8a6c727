/* tls_reason.c - why OpenSSL failed, in its own words. */
#include <openssl/err.h>
#include <string.h>

#include "base/mem.h"
#include "tls_internal.h"

/* The first error of the queue is the cause; those behind it tell who passed it on. */
char *
tls_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *text = ERR_reason_error_string(code);
	char *reason;

	if (code == 0)
		return mem_strdup("OpenSSL gives no reason");
	if (ERR_SYSTEM_ERROR(code))
		reason = mem_strdup(strerror(ERR_GET_REASON(code)));
	else
		reason = text != NULL ? mem_strdup(text) : mem_printf("error %lx", code);
	ERR_clear_error();
	return reason;
}
