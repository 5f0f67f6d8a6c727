/*
 * verdict.c - what the policies said of a text, as its records tell it. Rendered once
 * for a ruling, then copied into every record of it.
 */
#include "audit_internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

/* A rule that only logs lets the statement pass without a word to the client. */
static const char *const decision_names[] = {
	[POLICY_ALLOW] = "allow",
	[POLICY_LOG] = "allow",
	[POLICY_WARN] = "warn",
	[POLICY_DENY] = "deny",
};
static const char *const mode_names[] = {
	[POLICY_MODE_OFF] = "off",
	[POLICY_MODE_WARN] = "warn",
	[POLICY_MODE_ENFORCE] = "enforce",
};

/* A name that may be missing: `null` then, so that a reader finds the key. */
static void
put_or_null(struct buf *out, const char *key, const char *text)
{
	buf_put_text(out, key);
	if (text == NULL)
		put_literal(out, "null");
	else
		json_put_string(out, text, strlen(text));
}

void
verdict_put(struct buf *out, const struct verdict *verdict)
{
	put_literal(out, "\",\"decision\":\"");
	buf_put_text(out, decision_names[verdict->action]);
	put_literal(out, "\",\"mode\":\"");
	buf_put_text(out, mode_names[verdict->mode]);
	put_or_null(out, "\",\"policy\":", verdict->policy);
	put_or_null(out, ",\"rule\":", verdict->rule);
	put_or_null(out, ",\"exception\":", verdict->exception);
	if (verdict->would_deny && verdict->rule != NULL) {
		put_or_null(out, ",\"would_deny\":[", verdict->rule);
		buf_put_u8(out, ']');
	}
	if (verdict->action != POLICY_DENY)
		return;
	json_put_member(out, "detail", verdict->detail);
	if (verdict->position > 0)
		json_put_member_int(out, "position", verdict->position);
}

void
verdict_put_used(struct buf *out, const struct verdict *verdict)
{
	char expires[CLOCK_TEXT_SIZE];

	if (verdict->exception == NULL || verdict->action == POLICY_DENY)
		return;
	clock_format_rfc3339(verdict->exception_expires_us, expires);
	json_put_member(out, "rule", verdict->exception_rule);
	json_put_member(out, "ticket", verdict->exception);
	json_put_member(out, "owner", verdict->exception_owner);
	json_put_member(out, "expires", expires);
	put_literal(out, ",\"break_glass\":");
	buf_put_text(out, verdict->break_glass ? "true" : "false");
	json_put_member(out, "reason", verdict->exception_reason);
	json_put_member(out, "policy", verdict->policy);
}

struct audit_verdict *
audit_verdict_new(const struct verdict *verdict)
{
	struct buf out = { 0 };
	struct audit_verdict *rendered;
	size_t length;

	verdict_put(&out, verdict);
	length = buf_length(&out);
	verdict_put_used(&out, verdict);
	rendered = mem_alloc(sizeof(*rendered) + buf_length(&out));
	rendered->length = length;
	rendered->used_length = buf_length(&out) - length;
	rendered->logged = verdict->logged;
	rendered->break_glass = verdict->break_glass && verdict->action != POLICY_DENY;
	rendered->text = NULL;
	memcpy(rendered->bytes, buf_bytes(&out), buf_length(&out));
	buf_free(&out);
	return rendered;
}

void
audit_verdict_take_text(struct audit_verdict *rendered, struct audit_text_parts *text)
{
	rendered->text = text;
}

void
audit_verdict_free(struct audit_lane *lane, struct audit_verdict *rendered)
{
	if (rendered != NULL && rendered->text != NULL)
		audit_text_parts_free(lane, rendered->text);
	lane_retire(lane, rendered);
}
