// SPDX-License-Identifier: Apache-2.0
// An authorizer on libfcgi: whoever has the ticket "good" may pass and is named to what follows; "slow" takes
// too long, "gone" ends the process without an answer, "odd" tries to pass for somebody else's variables,
// "file" has the file X-File sent.
#include <fcgi_stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  while (FCGI_Accept() >= 0) {
    const char* role = getenv("FCGI_ROLE");
    const char* ticket = getenv("HTTP_X_TICKET");
    ticket = ticket ? ticket : "";
    if (!role || strcmp(role, "AUTHORIZER") != 0) {
      printf("Status: 500 Not asked to authorize\r\n\r\n");
    } else if (getenv("CONTENT_LENGTH") || getenv("PATH_INFO") || getenv("SCRIPT_NAME")) {
      printf("Status: 500 Told too much\r\n\r\n");
    } else if (strcmp(ticket, "good") == 0) {
      printf("Status: 200 OK\r\nVariable-TICKET_HOLDER: rider\r\n\r\n");
    } else if (strcmp(ticket, "odd") == 0) {
      printf("Status: 200 OK\r\nVariable-REMOTE_ADDR: 6.6.6.6\r\nVariable-TICKET_HOLDER: odd\r\n\r\n");
    } else if (strcmp(ticket, "file") == 0) {
      printf("Status: 403 No ticket\r\nX-Sendfile: %s\r\n\r\n", getenv("HTTP_X_FILE"));
    } else if (strcmp(ticket, "gone") == 0) {
      _exit(3);
    } else if (strcmp(ticket, "slow") == 0) {
      sleep(30);
      printf("Status: 200 OK\r\n\r\n");
    } else {
      printf(
          "Status: 403 No ticket\r\nContent-Type: text/plain\r\nX-Why: ticket\r\n\r\nno ticket, no ride\n");
    }
  }
  return 0;
}
