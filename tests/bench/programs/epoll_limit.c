// SPDX-License-Identifier: Apache-2.0
// The bound for one core: what an epoll loop costs that does nothing but answer. One recv and one send for a
// request, no parsing, a fixed reply of 1 KiB; a request that holds "Connection: close" also costs the accept
// and the close. Usage: epoll_limit PORT. One process, one thread; it ends by a signal.

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kBodySize = 1024, kEventsAtOnce = 512, kBacklog = 4096 };

struct reply {
  char bytes[kBodySize + 512];
  size_t size;
};

static struct reply kept, last;  // to a connection that stays, and to one that is closed
static char request[16384];

static void make_reply(struct reply* reply, const char* connection_field) {
  int head = snprintf(reply->bytes, sizeof reply->bytes,
                      "HTTP/1.1 200 OK\r\n"
                      "Server: limit\r\n"
                      "Date: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
                      "Content-Type: text/html\r\n"
                      "Content-Length: 1024\r\n"
                      "ETag: \"12345-400\"\r\n"
                      "%s\r\n",
                      connection_field);
  memset(reply->bytes + head, 'x', kBodySize);
  reply->size = head + kBodySize;
}

static int listen_on(int port) {
  int one = 1;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);       // accepted sockets inherit it
  setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one);  // seconds; H2O does the same
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, kBacklog) != 0) {
    perror("epoll_limit: listen");
    exit(1);
  }
  return listener;
}

static void watch(int epoll, int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

// Answers what has come. False when nothing more is to be expected: the connection is closed then.
static int answer(int connection, ssize_t received) {
  if (received <= 0) {
    close(connection);
    return 0;
  }
  if (memmem(request, received, "Connection: close", 17) == NULL) {
    send(connection, kept.bytes, kept.size, MSG_NOSIGNAL);
    return 1;
  }
  send(connection, last.bytes, last.size,
       MSG_NOSIGNAL | MSG_MORE);  // leaves together with the end of the stream
  close(connection);
  return 0;
}

// The request of a deferred connection is there already: one that is answered and closed never enters the
// epoll set.
static void accept_all(int epoll, int listener) {
  int connection;
  while ((connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    ssize_t received = recv(connection, request, sizeof request, 0);
    int waits = received < 0 && errno == EAGAIN;
    if (waits || answer(connection, received)) watch(epoll, connection, EPOLLIN | EPOLLET);
  }
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: epoll_limit PORT\n");
    return 2;
  }
  make_reply(&kept, "");
  make_reply(&last, "Connection: close\r\n");
  int listener = listen_on(atoi(argv[1]));
  int epoll = epoll_create1(0);
  watch(epoll, listener, EPOLLIN);
  struct epoll_event events[kEventsAtOnce];
  for (;;) {
    int count = epoll_wait(epoll, events, kEventsAtOnce, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) {
        accept_all(epoll, listener);
      } else {
        answer(events[i].data.fd, recv(events[i].data.fd, request, sizeof request, 0));
      }
    }
  }
}
