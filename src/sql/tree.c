/* tree.c - see tree.h. The wire format is described at
 * protobuf.dev/programming-guides/encoding. */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "tree.h"

enum { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2, WIRE_32BIT = 5 };
enum { TREE_FIELD_COUNT = 48 }; /* Query has the highest field number, 40 */

_Static_assert(
    PG_QUERY__NODE__NODE_A_CONST + 1 == TREE_TYPE_COUNT, "another libpg_query");

static const ProtobufCMessageDescriptor *descriptors[TREE_TYPE_COUNT];
static uint8_t field_types[TREE_TYPE_COUNT][TREE_FIELD_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool
read_varint(struct slice *rest, uint64_t *value)
{
	uint64_t sum = 0;

	for (unsigned shift = 0; shift < 64 && rest->length > 0; shift += 7) {
		uint8_t byte = *rest->bytes++;

		rest->length--;
		sum |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = sum;
			return true;
		}
	}
	return false;
}

static bool
read_bytes(struct slice *rest, uint64_t length, struct slice *body)
{
	if (length > rest->length)
		return false;
	*body = (struct slice){ rest->bytes, (size_t)length };
	rest->bytes += length;
	rest->length -= (size_t)length;
	return true;
}

bool
tree_next(struct slice *rest, struct tree_field *field)
{
	uint64_t key, length;

	if (!read_varint(rest, &key))
		return false;
	field->number = (unsigned)(key >> 3);
	field->has_body = false;
	field->value = 0;
	field->body = (struct slice){ NULL, 0 };
	switch (key & 7) {
	case WIRE_VARINT:
		return read_varint(rest, &field->value);
	case WIRE_BYTES:
		field->has_body = true;
		return read_varint(rest, &length) &&
		       read_bytes(rest, length, &field->body);
	case WIRE_64BIT:
		return read_bytes(rest, 8, &field->body);
	case WIRE_32BIT:
		return read_bytes(rest, 4, &field->body);
	default:
		return false;
	}
}

struct tree_node
tree_node(struct slice body)
{
	struct tree_field field;

	if (!tree_next(&body, &field) || !field.has_body)
		return (struct tree_node){ 0 };
	return (struct tree_node){ field.number, field.body };
}

static bool
find(struct slice message, unsigned number, struct tree_field *field)
{
	while (tree_next(&message, field))
		if (field->number == number)
			return true;
	return false;
}

struct slice
tree_body(struct slice message, unsigned number)
{
	struct tree_field field;

	return find(message, number, &field) ? field.body : (struct slice){ NULL, 0 };
}

uint64_t
tree_value(struct slice message, unsigned number)
{
	struct tree_field field;

	return find(message, number, &field) ? field.value : 0;
}

bool
tree_has(struct slice message, unsigned number)
{
	struct tree_field field;

	return find(message, number, &field);
}

struct tree_node
tree_child(struct slice message, unsigned number)
{
	return tree_node(tree_body(message, number));
}

size_t
tree_count(struct slice message, unsigned number)
{
	struct tree_field field;
	size_t count = 0;

	while (tree_next(&message, &field))
		count += field.number == number;
	return count;
}

bool
tree_next_child(struct slice *rest, unsigned number, struct tree_node *node)
{
	struct tree_field field;

	while (tree_next(rest, &field)) {
		if (field.number == number) {
			*node = tree_node(field.body);
			return true;
		}
	}
	return false;
}

struct slice
tree_string(struct tree_node node)
{
	if (node.type != PG_QUERY__NODE__NODE_STRING)
		return (struct slice){ NULL, 0 };
	return tree_body(node.body, 1);
}

struct slice
tree_name(struct slice message, unsigned number, struct slice *schema)
{
	struct slice name = { NULL, 0 }, before = { NULL, 0 };
	struct tree_node node;

	while (tree_next_child(&message, number, &node)) {
		if (node.type != PG_QUERY__NODE__NODE_STRING)
			continue;
		before = name;
		name = tree_string(node);
	}
	if (schema != NULL)
		*schema = before;
	return name;
}

bool
slices_are_equal(struct slice a, struct slice b)
{
	return a.length == b.length &&
	       (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

struct slice
slice_of(const char *text)
{
	return (struct slice){ (const uint8_t *)text, strlen(text) };
}

bool
slice_is(struct slice slice, const char *text)
{
	return slices_are_equal(slice, slice_of(text));
}

static uint8_t
type_of(const ProtobufCMessageDescriptor *descriptor)
{
	if (descriptor == &pg_query__node__descriptor)
		return TREE_FIELD_NODE;
	for (unsigned type = 1; type < TREE_TYPE_COUNT; type++)
		if (descriptors[type] == descriptor)
			return (uint8_t)type;
	return TREE_FIELD_STRANGE;
}

static void
init_fields(unsigned type)
{
	const ProtobufCMessageDescriptor *descriptor = descriptors[type];

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

		assert(field->id < TREE_FIELD_COUNT);
		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			field_types[type][field->id] = type_of(field->descriptor);
		else if (field->type == PROTOBUF_C_TYPE_INT32 && strcmp(field->name, "location") == 0)
			field_types[type][field->id] = TREE_FIELD_LOCATION;
	}
}

static void
init_tables(void)
{
	const ProtobufCMessageDescriptor *node = &pg_query__node__descriptor;

	for (unsigned i = 0; i < node->n_fields; i++) {
		assert(node->fields[i].id < TREE_TYPE_COUNT);
		descriptors[node->fields[i].id] = node->fields[i].descriptor;
	}
	for (unsigned type = 1; type < TREE_TYPE_COUNT; type++)
		init_fields(type);
}

void
tree_init(void)
{
	pthread_once(&once, init_tables);
}

unsigned
tree_field_type(unsigned type, unsigned number)
{
	if (type >= TREE_TYPE_COUNT || number >= TREE_FIELD_COUNT)
		return TREE_FIELD_STRANGE;
	return field_types[type][number];
}

const char *
tree_type_name(unsigned type)
{
	return type > 0 && type < TREE_TYPE_COUNT ? descriptors[type]->short_name : NULL;
}
