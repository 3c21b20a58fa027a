// SPDX-License-Identifier: Apache-2.0
/*
 * remuda_template.h: the loader's side of a template. A loader is a program that loads an application in its
 * own language once, and is forked from then on (docs/templates.md has the picture and the protocol).
 *
 *     remuda_template *template = remuda_template_open();
 *     if (template) {                          // else: started for one request, or as an instance
 *       remuda_template_step(template, "import application");
 *       ... load ...
 *       remuda_template_watch(template, "/srv/site/app.py");
 *       if (remuda_template_ready(template) < 0) return 1;
 *       while (remuda_template_wait(template) > 0) {
 *         pid_t pid = fork();                                 // as the language does it
 *         if (pid == 0) {
 *           if (remuda_template_child(template) < 0) _exit(1);
 *           break;                                            // from here on: as if it had been started anew
 *         }
 *         remuda_template_parent(template, pid);
 *       }
 *       if (not in a child) _exit(0);
 *     }
 *     ... serve ...
 *
 * One thread. SIGCHLD is blocked and taken by the template from ready() to child(). Calls that fail return -1
 * or NULL and say why in errno. Calls of a process that open()ed nothing itself, such as a fork that the
 * application made while it was loaded, fail with EPERM and say nothing to the spawner.
 */
#ifndef REMUDA_TEMPLATE_H
#define REMUDA_TEMPLATE_H

#include <sys/types.h>

#include "remuda_app.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct remuda_template remuda_template;

/*
 * The template that this process is to be, by REMUDA_TEMPLATE in its environment, which is removed. NULL:
 * ENOENT (it is to be none), EBADF (no such channel), ENOMEM, EMFILE.
 */
REMUDA_API remuda_template* remuda_template_open(void);

/* What is being loaded from now on: shown with its time when the server is asked, and when loading fails. */
REMUDA_API int remuda_template_step(remuda_template* self, const char* what);

/* Something that works but that somebody should know, for the log. */
REMUDA_API int remuda_template_warn(remuda_template* self, const char* what);

/*
 * A file or link that was loaded: when it is written, replaced or removed, the next generation is built. Its
 * directory is what is watched. -1: ENOENT, ENOSPC (fs.inotify.max_user_watches), EACCES.
 */
REMUDA_API int remuda_template_watch(remuda_template* self, const char* path);

/*
 * A file without which no fork is right any more (a CGI script itself): once it has changed, forks are
 * refused with ESTALE, from the very next one.
 */
REMUDA_API int remuda_template_watch_closely(remuda_template* self, const char* path);

/* So many threads beside the first may run: the loader knows that forks do well without them. 0 unless said.
 */
REMUDA_API int remuda_template_expect_threads(remuda_template* self, size_t count);

/*
 * All is loaded. Warns of connections that are open and of processes that were started. -1: EBUSY, more
 * threads run than are expected, which no fork would have: the spawner has been told their names, as by
 * remuda_template_unfit().
 */
REMUDA_API int remuda_template_ready(remuda_template* self);

/* It cannot be forked from, for this reason; the process should end. */
REMUDA_API int remuda_template_unfit(remuda_template* self, const char* why);

/*
 * A variable, "NAME=value", of each fork whose environment has none of its name: what an interpreter sets for
 * itself when it starts, such as a locale. It replaces the one that was given before. -1: EINVAL, ENOMEM.
 */
REMUDA_API int remuda_template_default_variable(remuda_template* self, const char* variable);

/*
 * Waits until a process is wanted: 1. 0: the template is to end. Reports meanwhile what forks have ended and
 * whether a watched file has changed.
 */
REMUDA_API int remuda_template_wait(remuda_template* self);

/* Of the process that is wanted now: a path, or NULL where the spawner named none. Until parent() or child().
 */
REMUDA_API const char* remuda_template_program(const remuda_template* self);

/*
 * Its environment: `*size` bytes, of each variable NAME=value and a zero byte. Until parent() or child().
 * What a loader makes of it before the fork costs no fork a page.
 */
REMUDA_API const char* remuda_template_environment(const remuda_template* self, size_t* size);

/* After fork(), in the parent. -1 for `pid`: fork() has failed with errno, and the spawner is told. */
REMUDA_API int remuda_template_parent(remuda_template* self, pid_t pid);

/*
 * After fork(), in the child: its own process group, descriptors 0, 1 and 2, directory, `environ` (libc's, to
 * be copied from where a language keeps its own), the signals as after exec but for handlers that the
 * application has set. The template is freed. -1: the spawner has been told; the process should end.
 */
REMUDA_API int remuda_template_child(remuda_template* self);

#ifdef __cplusplus
}
#endif

#endif
