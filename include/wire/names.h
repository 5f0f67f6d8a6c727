/* names.h - what a message's type byte is called, for logs and errors. */
#ifndef WIRE_NAMES_H
#define WIRE_NAMES_H

#include <stdint.h>

/* "Query", "Parse", …; "unknown" for a byte that clients do not send. */
const char *message_name_from_client(uint8_t type);
const char *message_name_from_server(uint8_t type);

#endif
