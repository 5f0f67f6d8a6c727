/* names.c - see names.h. PostgreSQL documentation, "Message Formats". */
#include <stddef.h>

#include "wire/names.h"

static const char *const from_client[256] = {
	['B'] = "Bind",
	['C'] = "Close",
	['D'] = "Describe",
	['E'] = "Execute",
	['F'] = "FunctionCall",
	['H'] = "Flush",
	['P'] = "Parse",
	['Q'] = "Query",
	['S'] = "Sync",
	['X'] = "Terminate",
	['c'] = "CopyDone",
	['d'] = "CopyData",
	['f'] = "CopyFail",
	['p'] = "PasswordMessage",
};

static const char *const from_server[256] = {
	['1'] = "ParseComplete",
	['2'] = "BindComplete",
	['3'] = "CloseComplete",
	['A'] = "NotificationResponse",
	['C'] = "CommandComplete",
	['D'] = "DataRow",
	['E'] = "ErrorResponse",
	['G'] = "CopyInResponse",
	['H'] = "CopyOutResponse",
	['I'] = "EmptyQueryResponse",
	['K'] = "BackendKeyData",
	['N'] = "NoticeResponse",
	['R'] = "Authentication",
	['S'] = "ParameterStatus",
	['T'] = "RowDescription",
	['V'] = "FunctionCallResponse",
	['W'] = "CopyBothResponse",
	['Z'] = "ReadyForQuery",
	['c'] = "CopyDone",
	['d'] = "CopyData",
	['n'] = "NoData",
	['s'] = "PortalSuspended",
	['t'] = "ParameterDescription",
	['v'] = "NegotiateProtocolVersion",
};

const char *
message_name_from_client(uint8_t type)
{
	return from_client[type] != NULL ? from_client[type] : "unknown";
}

const char *
message_name_from_server(uint8_t type)
{
	return from_server[type] != NULL ? from_server[type] : "unknown";
}
