// SPDX-License-Identifier: Apache-2.0
/*
 * remuda_app.h: the application side of FastCGI, for programs in C and C++.
 *
 * A program written with it serves requests under any FastCGI server (Remuda, nginx, httpd, lighttpd), and
 * answers as a plain CGI program when it is started as one. It needs nothing but the C library.
 *
 *     #include <remuda_app.h>
 *
 *     int main(void) {
 *       remuda_app *app = remuda_open(NULL);
 *       remuda_request *request;
 *       while ((request = remuda_accept(app))) {
 *         const char *who = remuda_param(request, "REMOTE_ADDR");
 *         remuda_printf(request, "Content-Type: text/plain\n\nHello %s\n", who ? who : "");
 *         remuda_finish(request, 0);
 *       }
 *       return remuda_close(app);
 *     }
 *
 *     cc hello.c $(pkg-config --cflags --libs remuda_app)
 *
 * WHAT A PROGRAM MAY RELY ON
 *
 * Connections. Servers may keep them open, open several, and send many requests over one, interleaved: the
 * library takes them apart and deals them out one by one. What several requests answer leaves in one system
 * call. A big answer does not hold up small ones on its connection: they take turns.
 *
 * Bounds. What a program writes waits in at most `output_memory` bytes a request, then the write waits for
 * the server. What has come and nobody has read waits in `input_memory` bytes a request. Then the server
 * waits; but if requests share the connection, none may hold up the others, and it goes to a nameless file.
 * When that has `input_disk` bytes, reading the request fails with ENOSPC.
 *
 * Failure. Calls that fail return -1 or NULL and say why in errno. A server that leaves, or that aborts a
 * request, is no end of the program: reads and writes of that request fail with ECANCELED, and
 * remuda_finish() is still due. SIGPIPE is never raised by the library.
 *
 * Threads. Everything that takes a remuda_app may be called from any thread at any time. A request is used
 * by one thread at a time, whichever. No call spins; a call that waits sleeps in the kernel.
 *
 * Ending. SIGTERM and SIGUSR1 end gracefully, every remuda_app that is open, unless the program has handlers
 * of its own: what is in flight is answered, what comes later is refused so that the server sends it
 * elsewhere, then remuda_accept() returns NULL. A CGI program has one request, which whoever ends it wants to
 * end: there they stay as they are.
 *
 * fork(). A child must not use what its parent has opened; open in the children.
 *
 * THREE WAYS TO WRITE A PROGRAM
 *
 * The accept loop, above. Any number of threads may run it over the same remuda_app.
 *
 * A handler. remuda_serve() runs the loop, in as many threads as `options.threads` says.
 *
 * Events. A handler that returns REMUDA_LATER keeps its request open and is told when there is something to
 * read, room to write, or nobody to answer; with the calls that end in _now one thread answers thousands of
 * requests. remuda_fd() and remuda_step() put that into the event loop of another library.
 */
#ifndef REMUDA_APP_H
#define REMUDA_APP_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define REMUDA_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#define REMUDA_API __attribute__((visibility("default")))
#else
#define REMUDA_PRINTF(text, first)
#define REMUDA_API
#endif

typedef struct remuda_app remuda_app;         /* all that one program serves */
typedef struct remuda_request remuda_request; /* from remuda_accept() to remuda_finish() */

/* --- Opening and closing ----------------------------------------------------------------------- */

enum {
  REMUDA_RESPONDER = 1,  /* answers a request */
  REMUDA_AUTHORIZER = 2, /* says whether a request may be answered */
  REMUDA_FILTER = 4      /* answers with a file that comes along, changed */
};

/*
 * concurrency   How many requests servers are asked to send at once (FCGI_MAX_REQS). What is more than the
 *               threads take waits in the program, and is answered in batches: 64 suits handlers of
 *               microseconds, 1000 a program that works by events; with handlers that take their time, more
 *               processes serve better. Beyond 1 the program says that requests may share a connection
 *               (FCGI_MPXS_CONNS). They may in any case.
 * most_requests Taken at once, whatever was asked for; more are refused with FCGI_OVERLOADED.
 */
typedef struct remuda_options {
  size_t size;            /* sizeof(remuda_options): set by REMUDA_OPTIONS */
  int fd;                 /* a listening socket, or one connection: 0, where servers put it */
  unsigned roles;         /* REMUDA_RESPONDER | ...: others are refused with FCGI_UNKNOWN_ROLE */
  unsigned threads;       /* of remuda_serve(), or that run an accept loop: 1 */
  unsigned concurrency;   /* see above: 0, which is `threads` */
  unsigned most_requests; /* see above: 0, the greater of 1024 and twice `concurrency` */
  unsigned connections;   /* at once: 1024; more wait in the listening socket's queue */
  int no_multiplexing;    /* 1: a second request on a connection is refused with FCGI_CANT_MPX_CONN */
  size_t params_limit;    /* bytes of parameters in one request: 1 MiB; more get status 431 */
  size_t input_memory;    /* bytes of one request's input that wait in memory: 256 KiB */
  uint64_t input_disk;    /* and then in a file below $TMPDIR or /tmp: 1 GiB */
  size_t output_memory;   /* bytes of one request's output that wait: 256 KiB */
  int keep_signals;       /* 1: SIGTERM and SIGUSR1 stay the program's; see remuda_stop() */
} remuda_options;

/* The defaults, as in: remuda_options options = REMUDA_OPTIONS; options.threads = 4; */
#define REMUDA_OPTIONS \
  {sizeof(remuda_options), 0, REMUDA_RESPONDER, 1, 0, 0, 1024, 0, 1048576, 262144, 1073741824, 262144, 0}

/*
 * Begins to serve. NULL options: REMUDA_OPTIONS. Nothing is accepted before the first remuda_accept(),
 * remuda_serve() or remuda_step().
 *
 * What descriptor `fd` is decides how the program runs: a listening socket (FastCGI; it becomes non-blocking,
 * for all who share it) or a connected socket (FastCGI over that one connection). Descriptor 0 may be
 * anything else, or a connected socket beside REQUEST_METHOD in the environment (CGI: one request, from the
 * environment and standard input; calls that end in _now block like the others). FCGI_WEB_SERVER_ADDRS in the
 * environment ("10.0.0.1,::1") limits who may connect over TCP; empty, it does not.
 *
 * NULL: EINVAL (an option, or FCGI_WEB_SERVER_ADDRS), ENOTSOCK (another `fd` than those; CGI, but no
 * REMUDA_RESPONDER), EMFILE, ENOMEM, or what the kernel says.
 */
REMUDA_API remuda_app* remuda_open(const remuda_options* options);

/* Whether the program runs as plain CGI: 1 or 0. */
REMUDA_API int remuda_is_cgi(const remuda_app* app);

/* Ends gracefully, as SIGTERM does. From any thread; from a signal handler too. */
REMUDA_API void remuda_stop(remuda_app* app);

/*
 * Sends what is still owed, for 30 seconds at most, closes the connections and frees all; no request and no
 * other thread may be in use any more. Returns what main() should: 0, as servers take an end on purpose; of a
 * CGI program the status it was finished with.
 */
REMUDA_API int remuda_close(remuda_app* app);

/* --- The accept loop --------------------------------------------------------------------------- */

/*
 * The next request, its parameters complete; its body may still be on its way. Sends first what is to be
 * sent, where that would otherwise have to wait. A thread may hold several requests.
 *
 * NULL with errno 0: the program is to end (signal, remuda_stop(), the only connection or CGI request is
 * over, the listening socket was shut down). NULL with another errno: ETIMEDOUT (remuda_accept_within()
 * alone), ENOMEM, EBADF.
 */
REMUDA_API remuda_request* remuda_accept(remuda_app* app);
REMUDA_API remuda_request* remuda_accept_within(remuda_app* app, int milliseconds);

/*
 * Ends a request, in any state: what was written is sent, what was not read is dropped. `status` is the
 * application status that FastCGI knows (0: all is well; others end up in servers' logs). The request is gone
 * afterwards. 0, or -1 with ECANCELED when nobody waits for the answer any more.
 *
 * The answer leaves at once. Only while requests queue in a program that has come back for the next one
 * within 0.2 milliseconds, 64 times in a row, it may wait for theirs, to leave together with them: half a
 * millisecond, and until the request is finished that is being worked on then. When that one turns out to be
 * slow after all, each of its milliseconds takes a quick request before an answer waits again. remuda_flush()
 * never waits.
 *
 * With REMUDA_BROKEN, an answer that has begun and will never be whole: Remuda cuts the client's connection,
 * so that it is not taken for whole. Other servers see a status. A CGI program says it by ending itself with
 * SIGABRT, without a core, in remuda_close().
 */
REMUDA_API int remuda_finish(remuda_request* request, int status);
#define REMUDA_BROKEN 0x62726b6e

/* --- Handlers and events ----------------------------------------------------------------------- */

#define REMUDA_LATER (-1)

/*
 * request    A new request. The status to finish it with, or REMUDA_LATER: it stays open until
 * remuda_finish(), which any thread may call.
 *
 * The others are for requests that stay open; NULL: not told. If one is given, requests are finished within
 * such calls alone. One call at a time for each request.
 *
 * readable   After remuda_read_now() has said EAGAIN: there is more, or the end.
 * writable   After remuda_write_now() has said EAGAIN or taken less: there is room.
 * aborted    The server has given the request up: remuda_finish() it. Told once.
 */
typedef struct remuda_handler {
  int (*request)(remuda_request* request, void* context);
  void (*readable)(remuda_request* request, void* context);
  void (*writable)(remuda_request* request, void* context);
  void (*aborted)(remuda_request* request, void* context);
  void* context; /* is given to all of them */
} remuda_handler;

/* Serves in options.threads threads, the caller's among them, until the program is to end: 0. -1: see errno.
 */
REMUDA_API int remuda_serve(remuda_app* app, const remuda_handler* handler);

/*
 * For a program with an event loop of its own: a descriptor that is readable whenever remuda_step() has
 * something to do, and one step of the work of remuda_serve(): waits at most so many milliseconds (0: not at
 * all, -1: for ever) and calls the handler for all that has come. Other threads may read, write and finish
 * requests meanwhile. 1: go on. 0: the program is to end. -1: EINVAL (no handler), EBADF.
 */
REMUDA_API int remuda_fd(const remuda_app* app);
REMUDA_API int remuda_step(remuda_app* app, const remuda_handler* handler, int milliseconds);

/* Anything the program wants to keep with a request. NULL at first. */
REMUDA_API void remuda_set_context(remuda_request* request, void* context);
REMUDA_API void* remuda_context(const remuda_request* request);

/* --- What was asked ---------------------------------------------------------------------------- */

/* REMUDA_RESPONDER, REMUDA_AUTHORIZER or REMUDA_FILTER. */
REMUDA_API unsigned remuda_role(const remuda_request* request);

/* Bytes that belong to the request and live until it is finished. A zero byte follows them. */
typedef struct remuda_view {
  const char* data;
  size_t size;
} remuda_view;

/*
 * The value of a parameter (a CGI variable: REQUEST_METHOD, HTTP_HOST ...), where the server's bytes were
 * received: nothing is copied. NULL: there is none. Of several with one name the last counts. Lookups
 * are by hash. remuda_param_view() tells the size too, for values with zero bytes in them.
 */
REMUDA_API const char* remuda_param(const remuda_request* request, const char* name);
REMUDA_API int remuda_param_view(const remuda_request* request, const char* name, remuda_view* value);

/* All of them, in the server's order: 1 while index < their number, else 0. No zero byte follows `name`. */
REMUDA_API int remuda_param_at(const remuda_request* request, size_t index, remuda_view* name,
                               remuda_view* value);
REMUDA_API size_t remuda_param_count(const remuda_request* request);

/* --- Reading ----------------------------------------------------------------------------------- */

/*
 * The request's body: bytes read (at least 1), 0 at its end, -1 with ECANCELED or ENOSPC (more than
 * input_disk). remuda_read() waits, and other requests are received meanwhile; remuda_read_now() says EAGAIN
 * instead.
 */
REMUDA_API ssize_t remuda_read(remuda_request* request, void* into, size_t size);
REMUDA_API ssize_t remuda_read_now(remuda_request* request, void* into, size_t size);

/*
 * The same without copying: where the next bytes are (at least 1, as many as lie together), valid until the
 * request is read from again. remuda_skip() takes the first of them as read.
 */
REMUDA_API ssize_t remuda_peek(remuda_request* request, const char** bytes);
REMUDA_API void remuda_skip(remuda_request* request, size_t size);

/* Of a filter: the file, read as the body is; its time (seconds since 1970) and size, -1 if unknown. */
REMUDA_API ssize_t remuda_read_data(remuda_request* request, void* into, size_t size);
REMUDA_API ssize_t remuda_read_data_now(remuda_request* request, void* into, size_t size);
REMUDA_API int64_t remuda_data_time(const remuda_request* request);
REMUDA_API int64_t remuda_data_size(const remuda_request* request);

/*
 * Whether the server has given the request up: 1 or 0. Looks at what has arrived (at most once a
 * millisecond), so a long computation may ask as often as it likes. What comes of a body meanwhile goes to
 * the file when `input_memory` is full, so that an abort behind it is found.
 */
REMUDA_API int remuda_aborted(remuda_request* request);

/* --- Writing ----------------------------------------------------------------------------------- */

/*
 * The answer in CGI's form: header lines ("Status: 404 Not Found", "Content-Type: ..."), an empty line,
 * content. The library collects what is written; it leaves when there is enough of it, when the request is
 * finished or flushed, and before a call for this request waits or, reading, says EAGAIN.
 *
 * remuda_write() takes everything, and waits while output_memory is full: `size`, or -1 with ECANCELED or
 * ENOMEM. remuda_write_now() takes what there is room for: at least 1, or -1 with EAGAIN.
 */
REMUDA_API ssize_t remuda_write(remuda_request* request, const void* bytes, size_t size);
REMUDA_API ssize_t remuda_write_now(remuda_request* request, const void* bytes, size_t size);
REMUDA_API ssize_t remuda_puts(remuda_request* request, const char* text); /* no line end is added */
REMUDA_API ssize_t remuda_printf(remuda_request* request, const char* format, ...) REMUDA_PRINTF(2, 3);
REMUDA_API ssize_t remuda_vprintf(remuda_request* request, const char* format, va_list arguments)
    REMUDA_PRINTF(2, 0);

/* For the server's log; otherwise as remuda_write() and remuda_printf(). The order of both is kept. */
REMUDA_API ssize_t remuda_log(remuda_request* request, const void* bytes, size_t size);
REMUDA_API ssize_t remuda_logf(remuda_request* request, const char* format, ...) REMUDA_PRINTF(2, 3);

/* Sends what was written so far, as far as the server takes it now. 0, or -1 with ECANCELED. */
REMUDA_API int remuda_flush(remuda_request* request);

/* The library's version, "0.1.0". */
REMUDA_API const char* remuda_app_version(void);

#ifdef __cplusplus
}
#endif

#endif
