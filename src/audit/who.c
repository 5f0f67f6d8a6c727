/*
 * who.c - who did it: session ids, and the members of a client that stand in each
 * of its records, rendered once at log-in.
 */
#include "audit_internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"

void
audit_session_id(char id[16])
{
	/* Crockford's base32: sorts as the number does. 45 bits of milliseconds, 30 of a count. */
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	static atomic_uint_least64_t next;
	uint64_t ms = clock_wall_us() / 1000, none = 0, count;

	/* A random start keeps two processes of one moment apart; the count, two sessions. */
	if (atomic_load(&next) == 0)
		atomic_compare_exchange_strong(&next, &none, random_u64() >> 8 | 1);
	count = atomic_fetch_add(&next, 1);
	for (int i = 8; i >= 0; i--, ms >>= 5)
		id[i] = digits[ms & 31];
	for (int i = 14; i >= 9; i--, count >>= 5)
		id[i] = digits[count & 31];
	id[15] = '\0';
}

void
record_put_text(struct buf *out, const char *key, const char *text, size_t length,
    struct span *value)
{
	bool plain = text == NULL || text_is_utf8(text, length);
	size_t begin;

	if (text == NULL)
		return;
	put_literal(out, ",\"");
	put_literal(out, key);
	put_literal(out, plain ? "\":" : ".b64\":\"");
	begin = buf_length(out);
	if (plain) {
		json_put_string(out, text, length);
		begin++;
	} else {
		text_put_base64(out, text, length);
		buf_put_u8(out, '"');
	}
	if (value != NULL)
		*value = (struct span){ (uint32_t)begin, (uint32_t)(buf_length(out) - 1 - begin) };
}

static void
put_name(struct buf *out, const char *key, const char *text, struct span *value)
{
	record_put_text(out, key, text, text != NULL ? strlen(text) : 0, value);
}

struct audit_who *
audit_who_new(const struct audit_who_fields *fields)
{
	struct audit_who fresh = { .port = fields->client_port };
	struct buf out = { 0 };
	struct audit_who *who;

	put_name(&out, "client.address", fields->client_address, &fresh.address);
	if (fields->client_port > 0)
		json_put_member_int(&out, "client.port", fields->client_port);
	put_name(&out, "user.name", fields->user, &fresh.user);
	put_name(&out, "db.role", fields->role, NULL);
	put_name(&out, "db.namespace", fields->database, &fresh.database);
	put_name(&out, "application", fields->application, &fresh.application);
	put_name(&out, "tls.protocol", fields->tls_protocol, NULL);
	put_name(&out, "tls.subject", fields->tls_subject, NULL);
	put_literal(&out, ",\"db.system.name\":\"postgresql\"");
	fresh.length = (uint32_t)buf_length(&out);
	/* Behind the members, for it stands before them in a record: "session", "txn". */
	put_name(&out, "session", fields->session, &fresh.session);

	who = mem_alloc(sizeof(*who) + buf_length(&out));
	*who = fresh;
	memcpy(who->bytes, buf_bytes(&out), buf_length(&out));
	buf_free(&out);
	return who;
}

void
audit_who_free(struct audit_lane *lane, struct audit_who *who)
{
	lane_retire(lane, who);
}
