/* report.c - see report.h. PostgreSQL documentation, "Error and Notice Message Fields". */
#include <string.h>

#include "wire/read.h"
#include "wire/report.h"

struct wire_report
report_read(const uint8_t *body, size_t length)
{
	struct wire_report report = { "ERROR", "XX000", "", "", "", "" };
	struct reader reader = reader_over(body, length);

	for (;;) {
		uint8_t code = read_u8(&reader);
		const char *text;

		if (code == 0)
			return report;
		text = read_cstring(&reader);
		if (!reader_ok(&reader))
			return report;
		switch (code) {
		case 'S':
		case 'V': /* comes behind S and wins over it */
			report.severity = text;
			break;
		case 'C':
			if (strlen(text) == 5)
				report.sqlstate = text;
			break;
		case 'M':
			report.message = text;
			break;
		case 'D':
			report.detail = text;
			break;
		case 'H':
			report.hint = text;
			break;
		case 'R':
			report.routine = text;
			break;
		}
	}
}
