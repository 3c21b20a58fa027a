// SPDX-License-Identifier: Apache-2.0
//
// A responder: shows what was asked and echoes the body. Runs under any FastCGI server, and as a CGI program.
//
//     [app.responder]
//     type = "fastcgi"
//     program = "responder"
#include <errno.h>
#include <remuda_app.h>
#include <stdio.h>

static int echo(remuda_request* request) {
  const char* type = remuda_param(request, "CONTENT_TYPE");
  remuda_printf(request, "Content-Type: %s\r\n\r\n", type != NULL ? type : "application/octet-stream");
  const char* bytes;
  ssize_t size;
  while ((size = remuda_peek(request, &bytes)) > 0) {
    if (remuda_write(request, bytes, (size_t)size) < 0) return 1;
    remuda_skip(request, (size_t)size);
  }
  return size < 0;
}

static int show(remuda_request* request) {
  remuda_puts(request, "Content-Type: text/plain\r\n\r\n");
  remuda_view name;
  remuda_view value;
  for (size_t i = 0; remuda_param_at(request, i, &name, &value); ++i) {
    remuda_printf(request, "%.*s=%s\n", (int)name.size, name.data, value.data);
  }
  return 0;
}

int main(void) {
  remuda_app* app = remuda_open(NULL);
  if (app == NULL) {
    perror("responder");
    return 1;
  }
  remuda_request* request;
  while ((request = remuda_accept(app)) != NULL) {
    const char* length = remuda_param(request, "CONTENT_LENGTH");
    const int has_body = length != NULL && *length != '\0' && *length != '0';
    const int status = has_body ? echo(request) : show(request);
    remuda_finish(request, status);
  }
  return remuda_close(app);
}
