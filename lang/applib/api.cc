// SPDX-License-Identifier: Apache-2.0
//
// The functions of remuda_app.h, which is their manual: each hands over to App, whose types they hide.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

using remuda::app::App;
using remuda::app::Param;
using remuda::app::RecordType;
using remuda::app::Request;
using remuda::app::Stream;
using remuda::app::Wait;

namespace {

App& of(remuda_app* app) { return *reinterpret_cast<App*>(app); }
const App& of(const remuda_app* app) { return *reinterpret_cast<const App*>(app); }
Request& of(remuda_request* request) { return *reinterpret_cast<Request*>(request); }
const Request& of(const remuda_request* request) { return *reinterpret_cast<const Request*>(request); }
App& app_of(remuda_request* request) { return static_cast<App&>(*of(request).hub); }

remuda::app::Nanoseconds deadline_in(int milliseconds) {
  if (milliseconds < 0) return remuda::app::kForever;
  return remuda::app::now() + milliseconds * remuda::app::kMillisecond;
}

remuda_view view(const remuda::app::Bytes& bytes) { return {bytes.data, bytes.size}; }

ssize_t print(remuda_request* request, RecordType stream, const char* format, va_list arguments) {
  char text[1024];
  va_list again;
  va_copy(again, arguments);
  const int size = vsnprintf(text, sizeof(text), format, arguments);
  ssize_t result = -1;
  if (size >= 0 && static_cast<size_t>(size) < sizeof(text)) {
    result = app_of(request).write(of(request), stream, text, static_cast<size_t>(size), Wait::kUntilDone);
  } else if (size >= 0) {
    const auto room = static_cast<size_t>(size) + 1;
    auto* const longer = static_cast<char*>(malloc(room));
    if (longer != nullptr) {
      vsnprintf(longer, room, format, again);
      result = app_of(request).write(of(request), stream, longer, room - 1, Wait::kUntilDone);
      free(longer);
    }
  }
  va_end(again);
  return result;
}

int64_t number(const remuda_request* request, const char* name) {
  const char* text = remuda_param(request, name);
  if (text == nullptr || *text < '0' || *text > '9') return -1;
  errno = 0;
  const long long value = strtoll(text, nullptr, 10);
  return errno == 0 ? value : -1;
}

}  // namespace

extern "C" {

remuda_app* remuda_open(const remuda_options* options) {
  remuda_options chosen = REMUDA_OPTIONS;
  if (options != nullptr) {
    if (options->size != sizeof(remuda_options)) {
      errno = EINVAL;
      return nullptr;
    }
    chosen = *options;
  }
  return reinterpret_cast<remuda_app*>(App::open(chosen));
}

int remuda_is_cgi(const remuda_app* app) { return of(app).is_cgi() ? 1 : 0; }
void remuda_stop(remuda_app* app) { of(app).stop(); }
int remuda_close(remuda_app* app) { return app != nullptr ? App::close(&of(app)) : 1; }

remuda_request* remuda_accept(remuda_app* app) { return remuda_accept_within(app, -1); }

remuda_request* remuda_accept_within(remuda_app* app, int milliseconds) {
  if (app == nullptr) {
    errno = EBADF;
    return nullptr;
  }
  return reinterpret_cast<remuda_request*>(of(app).accept(deadline_in(milliseconds)));
}

int remuda_finish(remuda_request* request, int status) { return app_of(request).finish(of(request), status); }

int remuda_serve(remuda_app* app, const remuda_handler* handler) {
  if (app == nullptr || handler == nullptr || handler->request == nullptr) {
    errno = app == nullptr ? EBADF : EINVAL;
    return -1;
  }
  return of(app).serve(*handler);
}

int remuda_fd(const remuda_app* app) { return of(app).fd(); }

int remuda_step(remuda_app* app, const remuda_handler* handler, int milliseconds) {
  if (app == nullptr || handler == nullptr || handler->request == nullptr) {
    errno = app == nullptr ? EBADF : EINVAL;
    return -1;
  }
  return of(app).step(*handler, deadline_in(milliseconds));
}

void remuda_set_context(remuda_request* request, void* context) { of(request).context = context; }
void* remuda_context(const remuda_request* request) { return of(request).context; }

unsigned remuda_role(const remuda_request* request) {
  return 1U << (static_cast<unsigned>(of(request).role) - 1);
}

const char* remuda_param(const remuda_request* request, const char* name) {
  const Param* param = of(request).params.find(name, strlen(name));
  return param != nullptr ? param->value.data : nullptr;
}

int remuda_param_view(const remuda_request* request, const char* name, remuda_view* value) {
  const Param* param = of(request).params.find(name, strlen(name));
  if (param == nullptr) return 0;
  *value = view(param->value);
  return 1;
}

int remuda_param_at(const remuda_request* request, size_t index, remuda_view* name, remuda_view* value) {
  const remuda::app::Params& params = of(request).params;
  if (index >= params.count()) return 0;
  *name = view(params.at(index).name);
  *value = view(params.at(index).value);
  return 1;
}

size_t remuda_param_count(const remuda_request* request) { return of(request).params.count(); }

ssize_t remuda_read(remuda_request* request, void* into, size_t size) {
  return app_of(request).read(of(request), Stream::kBody, static_cast<char*>(into), size, Wait::kUntilDone);
}
ssize_t remuda_read_now(remuda_request* request, void* into, size_t size) {
  return app_of(request).read(of(request), Stream::kBody, static_cast<char*>(into), size, Wait::kNow);
}
ssize_t remuda_peek(remuda_request* request, const char** bytes) {
  return app_of(request).peek(of(request), Stream::kBody, bytes, Wait::kUntilDone);
}
void remuda_skip(remuda_request* request, size_t size) { app_of(request).skip(of(request), size); }
ssize_t remuda_read_data(remuda_request* request, void* into, size_t size) {
  return app_of(request).read(of(request), Stream::kData, static_cast<char*>(into), size, Wait::kUntilDone);
}
ssize_t remuda_read_data_now(remuda_request* request, void* into, size_t size) {
  return app_of(request).read(of(request), Stream::kData, static_cast<char*>(into), size, Wait::kNow);
}
int64_t remuda_data_time(const remuda_request* request) { return number(request, "FCGI_DATA_LAST_MOD"); }
int64_t remuda_data_size(const remuda_request* request) { return number(request, "FCGI_DATA_LENGTH"); }

int remuda_aborted(remuda_request* request) { return app_of(request).aborted(of(request)) ? 1 : 0; }

ssize_t remuda_write(remuda_request* request, const void* bytes, size_t size) {
  return app_of(request).write(of(request), RecordType::kStdout, static_cast<const char*>(bytes), size,
                               Wait::kUntilDone);
}
ssize_t remuda_write_now(remuda_request* request, const void* bytes, size_t size) {
  return app_of(request).write(of(request), RecordType::kStdout, static_cast<const char*>(bytes), size,
                               Wait::kNow);
}
ssize_t remuda_puts(remuda_request* request, const char* text) {
  return remuda_write(request, text, strlen(text));
}

ssize_t remuda_printf(remuda_request* request, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const ssize_t result = print(request, RecordType::kStdout, format, arguments);
  va_end(arguments);
  return result;
}
ssize_t remuda_vprintf(remuda_request* request, const char* format, va_list arguments) {
  return print(request, RecordType::kStdout, format, arguments);
}

ssize_t remuda_log(remuda_request* request, const void* bytes, size_t size) {
  return app_of(request).write(of(request), RecordType::kStderr, static_cast<const char*>(bytes), size,
                               Wait::kUntilDone);
}
ssize_t remuda_logf(remuda_request* request, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const ssize_t result = print(request, RecordType::kStderr, format, arguments);
  va_end(arguments);
  return result;
}

int remuda_flush(remuda_request* request) { return app_of(request).flush(of(request)); }

const char* remuda_app_version(void) { return REMUDA_VERSION; }

}  // extern "C"
