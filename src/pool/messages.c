/* messages.c - see messages.h. Called by server.c and talk.c. */
#include "pool/messages.h"
#include "wire/frame.h"

enum messages_status
messages_take(struct buf *in, const uint8_t *bytes, size_t length, size_t most,
    message_handler *handler, void *arg)
{
	buf_put(in, bytes, length);
	while (buf_length(in) > 0) {
		struct frame frame;
		enum frame_status status = frame_read(buf_bytes(in), buf_length(in), &frame);

		if (status == FRAME_BAD || (status == FRAME_GOOD && frame.length > most))
			return MESSAGES_BAD;
		if (status == FRAME_SHORT || buf_length(in) < frame.length)
			return MESSAGES_TAKEN;
		if (!handler(arg, frame.type, buf_bytes(in) + FRAME_HEADER,
			frame.length - FRAME_HEADER))
			return MESSAGES_ENDED;
		buf_consume(in, frame.length);
	}
	return MESSAGES_TAKEN;
}
