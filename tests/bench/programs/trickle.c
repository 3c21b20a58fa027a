// SPDX-License-Identifier: Apache-2.0
// Many slow clients at once: COUNT connections to 127.0.0.1:PORT, each in the middle of a request head to
// which it adds one byte a second. The bytes are spread evenly over the second, a few each millisecond, so
// that the server meets a steady stream and not a burst. Prints "ready CONNECTED" when all are connected;
// then, at SIGTERM or after SECONDS, "held N sent M": the connections that the server still held, and the
// bytes sent to it. Usage: trickle PORT COUNT SECONDS

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kClosed = -1, kSlicesPerSecond = 1000 };
static const long kSliceNanoseconds = 1000000000L / kSlicesPerSecond;
static const char kHead[] = "GET /1k.html HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";

static volatile sig_atomic_t stopping = 0;

static void stop(int number) {
  (void)number;
  stopping = 1;
}

// A source address of its own, so that the ports of ordinary load (from 127.0.0.1) are not used up.
static int connect_to(int port) {
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.0.0.2")};
  struct sockaddr_in server = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0) return kClosed;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(fd, (struct sockaddr*)&source, sizeof source) == 0 &&
      connect(fd, (struct sockaddr*)&server, sizeof server) == 0 &&
      send(fd, kHead, sizeof kHead - 1, MSG_NOSIGNAL) == sizeof kHead - 1) {
    return fd;
  }
  close(fd);
  return kClosed;
}

// True while the server has neither closed the connection nor answered on it.
static int still_held(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void raise_descriptor_limit(int count) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < (rlim_t)count + 16) {
    fprintf(stderr, "trickle: %d connections need as many descriptors, the limit is %lu\n", count,
            (unsigned long)limit.rlim_cur);
    exit(1);
  }
}

// Sends one byte on each of the connections [first, last) that is still open; returns how many went out.
static long send_slice(int* connections, int first, int last) {
  long sent = 0;
  for (int i = first; i < last; i++) {
    if (connections[i] == kClosed) continue;
    if (send(connections[i], "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) {
      sent++;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
      close(connections[i]);
      connections[i] = kClosed;
    }
  }
  return sent;
}

static long trickle(int* connections, int count, int seconds) {
  long sent = 0;
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (long slice = 0; slice < (long)seconds * kSlicesPerSecond && !stopping; slice++) {
    long place = slice % kSlicesPerSecond;
    sent += send_slice(connections, (int)(place * count / kSlicesPerSecond),
                       (int)((place + 1) * count / kSlicesPerSecond));
    next.tv_nsec += kSliceNanoseconds;
    if (next.tv_nsec >= 1000000000L) {
      next.tv_nsec -= 1000000000L;
      next.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  return sent;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: trickle PORT COUNT SECONDS\n");
    return 2;
  }
  int port = atoi(argv[1]), count = atoi(argv[2]), seconds = atoi(argv[3]);
  signal(SIGTERM, stop);
  raise_descriptor_limit(count);
  int* connections = malloc(count * sizeof *connections);
  int connected = 0;
  for (int i = 0; i < count && !stopping; i++) {
    connections[i] = connect_to(port);
    connected += connections[i] != kClosed;
  }
  printf("ready %d\n", connected);
  fflush(stdout);
  long sent = trickle(connections, count, seconds);
  int held = 0;
  for (int i = 0; i < count; i++) held += connections[i] != kClosed && still_held(connections[i]);
  printf("held %d sent %ld\n", held, sent);
  return 0;
}
