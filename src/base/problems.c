/* problems.c - see problems.h. */
#include <stdarg.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/problems.h"

static void
add(struct problems *problems, bool warning, const char *file, int line, int col,
    const char *format, va_list args)
{
	struct buf text = { 0 };
	struct problem *problem;

	problems->items = mem_resize(problems->items, problems->count + 1, sizeof(*problem));
	problem = &problems->items[problems->count++];
	buf_vprintf(&text, format, args);
	*problem = (struct problem){ .file = mem_strdup(file),
		.line = line,
		.col = col,
		.warning = warning,
		.text = buf_steal_text(&text) };
	if (!warning)
		problems->errors++;
}

bool
problems_add(struct problems *problems, const char *file, int line, int col,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, false, file, line, col, format, args);
	va_end(args);
	return false;
}

void
problems_warn(struct problems *problems, const char *file, int line, int col,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, true, file, line, col, format, args);
	va_end(args);
}

char *
problem_text(const struct problem *problem)
{
	const char *kind = problem->warning ? "warning" : "error";
	const char *file = problem->file != NULL ? problem->file : "pgweir";

	if (problem->line == 0)
		return mem_printf("%s: %s: %s", file, kind, problem->text);
	return mem_printf("%s:%d:%d: %s: %s", file, problem->line, problem->col, kind,
	    problem->text);
}

void
problems_free(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		mem_free(problems->items[i].file);
		mem_free(problems->items[i].text);
	}
	mem_free(problems->items);
	*problems = (struct problems){ 0 };
}
