// SPDX-License-Identifier: Apache-2.0
// hello_fcgi.c by remuda_app.h: one thread that takes many requests at a time.
#include <remuda_app.h>

static int hello(remuda_request* request, void* context) {
  (void)context;
  const char* query = remuda_param(request, "QUERY_STRING");
  remuda_puts(request, "Content-Type: text/plain\r\n\r\nhello ");
  remuda_puts(request, query ? query : "");
  remuda_puts(request, "\n");
  return 0;
}

int main(void) {
  remuda_options options = REMUDA_OPTIONS;
  options.concurrency = 256;
  remuda_handler handler = {.request = hello};
  remuda_app* app = remuda_open(&options);
  if (!app || remuda_serve(app, &handler) != 0) return 1;
  return remuda_close(app);
}
