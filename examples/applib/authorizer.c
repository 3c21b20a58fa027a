// SPDX-License-Identifier: Apache-2.0
//
// An authorizer: lets those in who bring "Authorization: Bearer <the word in $TOKEN>", and tells the
// application behind it who they are (the variable REMOTE_USER).
//
//     [app.guard]
//     type = "fastcgi"
//     role = "authorizer"
//     program = "authorizer"
//     pass_authorization = true
//     environment = { TOKEN = "open sesame" }
//     [[route]]
//     path = "/private/"
//     authorize = "guard"
#include <remuda_app.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Takes the same time wherever the first difference is.
static int is_same(const char* given, const char* wanted) {
  const size_t size = strlen(wanted);
  if (strlen(given) != size) return 0;
  unsigned difference = 0;
  for (size_t i = 0; i < size; ++i) difference |= (unsigned char)given[i] ^ (unsigned char)wanted[i];
  return difference == 0;
}

static int authorize(remuda_request* request, void* token) {
  static const char scheme[] = "Bearer ";
  const char* given = remuda_param(request, "HTTP_AUTHORIZATION");
  if (given != NULL && strncmp(given, scheme, sizeof(scheme) - 1) == 0 &&
      is_same(given + sizeof(scheme) - 1, token)) {
    remuda_puts(request, "Status: 200\r\nVariable-REMOTE_USER: bearer\r\n\r\n");
  } else {
    remuda_puts(request,
                "Status: 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n"
                "Content-Type: text/plain\r\n\r\nNot without the word.\n");
  }
  return 0;
}

int main(void) {
  char* token = getenv("TOKEN");
  if (token == NULL || *token == '\0') {
    fputs("authorizer: TOKEN is not set\n", stderr);
    return 1;
  }
  remuda_options options = REMUDA_OPTIONS;
  options.roles = REMUDA_AUTHORIZER;
  options.concurrency = 64;
  remuda_app* app = remuda_open(&options);
  const remuda_handler handler = {.request = authorize, .context = token};
  if (app == NULL || remuda_serve(app, &handler) != 0) {
    perror("authorizer");
    return 1;
  }
  return remuda_close(app);
}
