// SPDX-License-Identifier: Apache-2.0
//
// A filter: the file that comes along, in capital letters. Nothing of it is held but what is on its way.
//
//     [app.shout]
//     type = "fastcgi"
//     role = "filter"
//     program = "filter"
//     [[route]]
//     path = "/loud/"
//     files = "texts"
//     filter = "shout"
#include <ctype.h>
#include <inttypes.h>
#include <remuda_app.h>
#include <stdio.h>
#include <time.h>

static void write_head(remuda_request* request) {
  remuda_puts(request, "Content-Type: text/plain; charset=us-ascii\r\n");
  const int64_t size = remuda_data_size(request);
  if (size >= 0) remuda_printf(request, "Content-Length: %" PRId64 "\r\n", size);
  const time_t when = (time_t)remuda_data_time(request);
  struct tm parts;
  char date[64];
  if (when >= 0 && gmtime_r(&when, &parts) != NULL &&
      strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0) {
    remuda_printf(request, "Last-Modified: %s\r\n", date);
  }
  remuda_puts(request, "\r\n");
}

static int shout(remuda_request* request, void* context) {
  (void)context;
  write_head(request);
  char text[16384];
  ssize_t size;
  while ((size = remuda_read_data(request, text, sizeof(text))) > 0) {
    for (ssize_t i = 0; i < size; ++i) text[i] = (char)toupper((unsigned char)text[i]);
    if (remuda_write(request, text, (size_t)size) < 0) return 1;
  }
  return size < 0;
}

int main(void) {
  remuda_options options = REMUDA_OPTIONS;
  options.roles = REMUDA_FILTER;
  remuda_app* app = remuda_open(&options);
  const remuda_handler handler = {.request = shout};
  if (app == NULL || remuda_serve(app, &handler) != 0) {
    perror("filter");
    return 1;
  }
  return remuda_close(app);
}
