/* top.c - pgweirctl top: what pgweir does right now, asked of its console. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "reach.h"
#include "top.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { INTERVAL_MS = 2000, ONCE_INTERVAL_MS = 1000, HEAD_LINES = 4 };

/* The command line; texts are borrowed from argv. */
struct request {
	const char *target; /* as libpq reads it, or NULL */
	bool once, as_json, reverse;
	unsigned views; /* bits; 0: as usual */
	const char *sort;
	size_t limit;
	int64_t interval_ms;
};

/* What the console said at a moment. Emptied by free_sample(). */
struct sample {
	PGresult *answers[TOP_VIEWS]; /* NULL: not asked */
	uint64_t at_us;
};

/* ---- the console ---- */

static void
free_sample(struct sample *sample)
{
	for (size_t i = 0; i < TOP_VIEWS; i++)
		PQclear(sample->answers[i]);
	*sample = (struct sample){ 0 };
}

/* The views wanted, and databases and pools for the line of sums. */
static bool
take_sample(PGconn *console, unsigned views, struct sample *sample)
{
	*sample = (struct sample){ .at_us = clock_monotonic_us() };
	views |= 1u << TOP_DATABASES | 1u << TOP_POOLS;
	for (size_t i = 0; i < TOP_VIEWS; i++) {
		if ((views & 1u << i) == 0)
			continue;
		sample->answers[i] = PQexec(console, top_views[i].command);
		if (PQresultStatus(sample->answers[i]) != PGRES_TUPLES_OK) {
			free_sample(sample);
			return false;
		}
	}
	return true;
}

/* ---- what is made of two samples ---- */

struct frame {
	struct top_table tables[TOP_VIEWS]; /* without a view: not asked */
	double seconds;
};

static void
make_frame(struct frame *frame, const struct sample *now, const struct sample *before)
{
	*frame = (struct frame){ .seconds =
		before->at_us > 0 ? (double)(now->at_us - before->at_us) / 1e6 : 0 };
	for (size_t i = 0; i < TOP_VIEWS; i++)
		if (now->answers[i] != NULL)
			top_table_make(&frame->tables[i], &top_views[i], now->answers[i],
			    before->answers[i], frame->seconds);
}

static void
free_frame(struct frame *frame)
{
	for (size_t i = 0; i < TOP_VIEWS; i++)
		top_table_free(&frame->tables[i]);
}

/* The sums in the head of the screen, and in JSON: a column of a view. */
static const struct {
	const char *name, *words;
	size_t view;
	const char *column;
	int digits;
} sums[] = {
	{ "clients", "clients", TOP_POOLS, "clients", 0 },
	{ "waiting", "waiting", TOP_POOLS, "waiting", 0 },
	{ "servers_active", "servers active", TOP_POOLS, "active", 0 },
	{ "servers_idle", "idle", TOP_POOLS, "idle", 0 },
	{ "pinned", "pinned", TOP_POOLS, "pinned", 0 },
	{ "xact/s", "xact/s", TOP_DATABASES, "xact/s", 1 },
	{ "query/s", "query/s", TOP_DATABASES, "query/s", 1 },
	{ "denied/s", "denied/s", TOP_DATABASES, "denied/s", 1 },
};

static void
put_head(struct buf *out, const struct frame *frame, PGconn *console)
{
	char now[CLOCK_TEXT_SIZE];

	clock_format_console(clock_wall_us(), now);
	buf_printf(out, "pgweir at %s:%s  %s\n", PQhost(console), PQport(console), now);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		buf_printf(out, "%s%.*f %s", i > 0 ? "  " : "", sums[i].digits,
		    top_table_sum(&frame->tables[sums[i].view], sums[i].column), sums[i].words);
	buf_put_text(out, "\n");
}

/* ---- once ---- */

static size_t
sort_column(const struct request *request, const struct top_view *view)
{
	int named = request->sort != NULL ? top_column_by_name(view, request->sort) : -1;

	return named >= 0 ? (size_t)named : view->sort;
}

static void
put_once_json(struct buf *out, const struct request *request, struct frame *frame)
{
	char now[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(clock_wall_us(), now);
	buf_printf(out, "{\"time\":\"%s\",\"interval_s\":%.3f,\"totals\":{", now, frame->seconds);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		buf_printf(out, "%s\"%s\":%.15g", i > 0 ? "," : "", sums[i].name,
		    top_table_sum(&frame->tables[sums[i].view], sums[i].column));
	buf_put_u8(out, '}');
	for (size_t i = 0; i < TOP_VIEWS; i++) {
		if ((request->views & 1u << i) == 0)
			continue;
		buf_printf(out, ",\"%s\":", top_views[i].name);
		top_put_json(out, &frame->tables[i], request->limit);
	}
	buf_put_text(out, "}\n");
}

static void
put_once(struct buf *out, const struct request *request, struct frame *frame, PGconn *console)
{
	for (size_t i = 0; i < TOP_VIEWS; i++)
		if (frame->tables[i].view != NULL)
			top_table_sort(&frame->tables[i], sort_column(request, &top_views[i]),
			    request->reverse);
	if (request->as_json) {
		put_once_json(out, request, frame);
		return;
	}
	put_head(out, frame, console);
	for (size_t i = 0; i < TOP_VIEWS; i++) {
		if ((request->views & 1u << i) == 0)
			continue;
		buf_printf(out, "\n%s\n", top_views[i].name);
		top_put_text(out, &frame->tables[i], request->limit, 0,
		    sort_column(request, &top_views[i]));
	}
}

static int
fail(PGconn *console)
{
	fprintf(stderr, "pgweirctl top: %s", PQerrorMessage(console));
	return CTL_NO;
}

/* Two samples, for rates are of what lies between. */
static int
show_once(PGconn *console, const struct request *request)
{
	struct timespec pause = { request->interval_ms / 1000, request->interval_ms % 1000 * 1000000 };
	struct sample before, now;
	struct buf out = { 0 };
	struct frame frame;

	if (!take_sample(console, request->views, &before))
		return fail(console);
	nanosleep(&pause, NULL);
	if (!take_sample(console, request->views, &now)) {
		free_sample(&before);
		return fail(console);
	}
	make_frame(&frame, &now, &before);
	put_once(&out, request, &frame, console);
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	free_frame(&frame);
	buf_free(&out);
	free_sample(&before);
	free_sample(&now);
	return CTL_GOOD;
}

/* ---- live ---- */

/* What the keys have changed. */
struct live {
	size_t view, sort;
	bool reverse;
};

/* False: it is enough. */
static bool
obey(struct live *live, enum screen_key key, char letter)
{
	size_t columns = top_column_count(&top_views[live->view]);

	if (key == KEY_QUIT)
		return false;
	if (key == KEY_LEFT || letter == '<')
		live->sort = (live->sort + columns - 1) % columns;
	else if (key == KEY_RIGHT || letter == '>')
		live->sort = (live->sort + 1) % columns;
	else if (letter == 'r')
		live->reverse = !live->reverse;
	for (size_t i = 0; key == KEY_OTHER && i < TOP_VIEWS; i++)
		if (letter == top_views[i].name[0]) {
			live->view = i;
			live->sort = top_views[i].sort;
		}
	return true;
}

static void
draw(PGconn *console, const struct live *live, struct frame *frame)
{
	struct top_table *table = &frame->tables[live->view];
	size_t rows, columns;
	struct buf out = { 0 };

	screen_size(&rows, &columns);
	put_head(&out, frame, console);
	buf_printf(&out, "%s   d databases  p pools  c clients  s statements  < > sort  r reverse  q quit\n\n",
	    top_views[live->view].name);
	if (table->view != NULL) {
		top_table_sort(table, live->sort, live->reverse);
		top_put_text(&out, table, rows > HEAD_LINES + 3 ? rows - HEAD_LINES - 3 : 1, columns,
		    live->sort);
	}
	screen_draw(&out);
	buf_free(&out);
}

static void
draw_failure(PGconn *console)
{
	struct buf out = { 0 };

	buf_printf(&out, "%strying again; q quits\n", PQerrorMessage(console));
	screen_draw(&out);
	buf_free(&out);
	PQreset(console);
}

/* Keys take effect at once, on what was asked last; asking goes by the clock. */
static bool
attend(PGconn *console, struct live *live, const struct sample *now, const struct sample *before,
    int64_t interval_ms)
{
	uint64_t until_us = now->at_us + (uint64_t)interval_ms * 1000;
	size_t view = live->view;

	for (;;) {
		uint64_t at_us = clock_monotonic_us();
		enum screen_key key;
		struct frame frame;
		char letter = '\0';

		make_frame(&frame, now, before);
		draw(console, live, &frame);
		free_frame(&frame);
		if (at_us >= until_us)
			return true;
		key = screen_wait((int)((until_us - at_us) / 1000) + 1, &letter);
		if (!obey(live, key, letter))
			return false;
		if (live->view != view && now->answers[live->view] == NULL)
			return true;
	}
}

static void
show_live(PGconn *console, const struct request *request)
{
	struct sample before = { 0 }, now;
	struct live live = { .reverse = request->reverse };
	bool going = true;

	while (live.view + 1 < TOP_VIEWS && (request->views & 1u << live.view) == 0)
		live.view++;
	live.sort = sort_column(request, &top_views[live.view]);
	while (going) {
		enum screen_key key;
		char letter = '\0';

		if (!take_sample(console, 1u << live.view, &now)) {
			draw_failure(console);
			key = screen_wait((int)request->interval_ms, &letter);
			going = obey(&live, key, letter);
			continue;
		}
		going = attend(console, &live, &now, &before, request->interval_ms);
		free_sample(&before);
		before = now;
	}
	free_sample(&before);
}

/* ---- the command line ---- */

static bool
add_view(struct request *request, const char *name)
{
	int view = top_view_by_name(name);

	if (view >= 0)
		request->views |= 1u << view;
	return view >= 0;
}

static bool
take_option(struct request *request, int letter)
{
	int64_t number;

	switch (letter) {
	case '1':
		return request->once = true;
	case 'j':
		return request->as_json = request->once = true;
	case 'r':
		return request->reverse = true;
	case 'v':
		return add_view(request, optarg);
	case 's':
		request->sort = optarg;
		return true;
	case 'n':
		if (!text_to_int(optarg, &number) || number < 1 || number > 1000000)
			return false;
		request->limit = (size_t)number;
		return true;
	case 'i':
		return text_to_duration(optarg, &request->interval_ms) &&
		    request->interval_ms >= 100 && request->interval_ms <= 3600000;
	}
	return false;
}

/* A column that no view to be shown has is a slip of the pen. */
static bool
can_sort(const struct request *request)
{
	if (request->sort == NULL)
		return true;
	for (size_t i = 0; i < TOP_VIEWS; i++)
		if ((request->views & 1u << i) != 0 &&
		    top_column_by_name(&top_views[i], request->sort) >= 0)
			return true;
	return false;
}

static bool
read_options(const struct ctl_command *command, int argc, char **argv, struct request *request,
    int *status)
{
	static const struct option names[] = { { "once", no_argument, NULL, '1' },
		{ "json", no_argument, NULL, 'j' }, { "reverse", no_argument, NULL, 'r' },
		{ "view", required_argument, NULL, 'v' }, { "sort", required_argument, NULL, 's' },
		{ "limit", required_argument, NULL, 'n' },
		{ "interval", required_argument, NULL, 'i' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int letter, index = 0;

	*status = CTL_USAGE;
	while ((letter = getopt_long(argc, argv, "h", names, &index)) != -1) {
		if (letter == 'h')
			*status = ctl_help(command);
		else if (letter == '?')
			ctl_usage(command, "unknown option");
		else if (!take_option(request, letter))
			ctl_usage(command, "--%s: '%s' is not a value for it", names[index].name, optarg);
		else
			continue;
		return false;
	}
	if (request->views == 0)
		request->views = 1u << TOP_DATABASES | 1u << TOP_POOLS;
	request->target = optind < argc ? argv[optind] : NULL;
	if (optind + 1 < argc)
		ctl_usage(command, "what is '%s'?", argv[optind + 1]);
	else if (!can_sort(request))
		ctl_usage(command, "--sort: no column '%s' in what is shown", request->sort);
	else
		return true;
	return false;
}

static int
show(PGconn *console, const struct request *request)
{
	if (request->once)
		return show_once(console, request);
	if (!screen_open()) {
		fprintf(stderr, "pgweirctl top: this is no terminal: use --once\n");
		return CTL_USAGE;
	}
	show_live(console, request);
	screen_close();
	return CTL_GOOD;
}

int
ctl_top(const struct ctl_command *command, int argc, char **argv)
{
	struct request request = { 0 };
	char *failure = NULL;
	PGconn *console;
	int status;

	if (!read_options(command, argc, argv, &request, &status))
		return status;
	if (request.interval_ms == 0)
		request.interval_ms = request.once ? ONCE_INTERVAL_MS : INTERVAL_MS;
	console = reach_console(request.target, "pgweirctl top", &failure);
	if (console == NULL) {
		fprintf(stderr, "pgweirctl top: %s", failure != NULL ? failure : "no memory\n");
		PQfreemem(failure);
		return CTL_USAGE;
	}
	status = PQstatus(console) == CONNECTION_OK ? show(console, &request) : fail(console);
	PQfinish(console);
	return status;
}
