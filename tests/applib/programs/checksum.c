// SPDX-License-Identifier: Apache-2.0
// Reads the whole body before it answers, as some servers want it: its size and Adler-32.
#include <inttypes.h>
#include <remuda_app.h>

int main(void) {
  remuda_app* app = remuda_open(NULL);
  remuda_request* request;
  while ((request = remuda_accept(app)) != NULL) {
    uint64_t total = 0;
    uint32_t low = 1;
    uint32_t high = 0;
    const char* bytes;
    ssize_t size;
    while ((size = remuda_peek(request, &bytes)) > 0) {
      for (ssize_t i = 0; i < size; ++i) {
        low = (low + (unsigned char)bytes[i]) % 65521;
        high = (high + low) % 65521;
      }
      total += (uint64_t)size;
      remuda_skip(request, (size_t)size);
    }
    remuda_printf(request, "Content-Type: text/plain\r\n\r\n%" PRIu64 " %" PRIu32, total, high << 16 | low);
    remuda_finish(request, size < 0);
  }
  return remuda_close(app);
}
