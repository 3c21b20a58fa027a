// SPDX-License-Identifier: Apache-2.0
// clients PORT PATH COUNT SECONDS: so many clients, each with one connection and one request at a time, and
// what each of them waited. wrk knows all requests together only; here a client that is forgotten shows.
//
// Prints one line of numbers, microseconds: requests p50 p99 max worst_p99 worst_max fewest most failed
// where worst_* are over the clients, fewest and most are requests answered to one client, and a request that
// is still unanswered at the end counts with what it has waited so far.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMostClients = 1000, kAnswerBytes = 4096, kEvents = 256 };

struct Client {
  int socket;
  int64_t since;  // when its request was sent, ns
  uint32_t* waits;
  size_t count, room;
};

static struct Client clients[kMostClients];
static char request[1024];
static size_t failed;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void note(struct Client* client) {
  if (client->count == client->room) {
    client->room = client->room ? client->room * 2 : 1024;
    client->waits = realloc(client->waits, client->room * sizeof *client->waits);
  }
  client->waits[client->count++] = (uint32_t)((now() - client->since) / 1000);
}

static void ask(struct Client* client) {
  client->since = now();
  if (write(client->socket, request, strlen(request)) < 0) die("write");
}

static void open_one(struct Client* client, int port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  client->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(client->socket, (struct sockaddr*)&address, sizeof address)) die("connect");
  setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

// Whether the end of a response has come. Responses here are small and come in one piece or two: the end is
// that of the chunks, or what Content-Length says.
static int is_whole(const char* bytes, size_t size) {
  const char* body = memmem(bytes, size, "\r\n\r\n", 4);
  if (!body) return 0;
  body += 4;
  size_t head = (size_t)(body - bytes);
  const char* length = memmem(bytes, head, "ontent-Length:", 14);
  if (!length) length = memmem(bytes, head, "ontent-length:", 14);
  if (length) return size - head >= strtoul(length + 14, NULL, 10);
  return size >= head + 5 && memcmp(bytes + size - 5, "0\r\n\r\n", 5) == 0;
}

static void receive(struct Client* client, int port, int poll) {
  static char answers[kMostClients][kAnswerBytes];
  static size_t have[kMostClients];
  size_t index = (size_t)(client - clients);
  ssize_t got = read(client->socket, answers[index] + have[index], sizeof answers[0] - have[index]);
  if (got <= 0) {
    failed++;
    close(client->socket);
    open_one(client, port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(poll, EPOLL_CTL_ADD, client->socket, &event);
  } else {
    have[index] += (size_t)got;
    if (!is_whole(answers[index], have[index])) return;
    if (memcmp(answers[index] + 9, "200", 3) != 0) failed++;
    note(client);
  }
  have[index] = 0;
  ask(client);
}

static int by_size(const void* left, const void* right) {
  uint32_t a = *(const uint32_t*)left, b = *(const uint32_t*)right;
  return (a > b) - (a < b);
}

static uint32_t share_of(uint32_t* waits, size_t count, double share) {
  qsort(waits, count, sizeof *waits, by_size);
  size_t at = (size_t)((double)count * share);
  return waits[at < count ? at : count - 1];
}

static void report(int count) {
  size_t total = 0, fewest = SIZE_MAX, most = 0;
  uint32_t worst_p99 = 0, worst_max = 0;
  for (int i = 0; i < count; i++) {
    struct Client* client = &clients[i];
    note(client);  // what the one in flight has waited
    uint32_t p99 = share_of(client->waits, client->count, 0.99), longest = client->waits[client->count - 1];
    worst_p99 = p99 > worst_p99 ? p99 : worst_p99;
    worst_max = longest > worst_max ? longest : worst_max;
    fewest = client->count - 1 < fewest ? client->count - 1 : fewest;
    most = client->count - 1 > most ? client->count - 1 : most;
    total += client->count;
  }
  uint32_t* all = malloc(total * sizeof *all);
  size_t at = 0;
  for (int i = 0; i < count; at += clients[i++].count) {
    memcpy(all + at, clients[i].waits, clients[i].count * sizeof *all);
  }
  uint32_t p50 = share_of(all, total, 0.5), p99 = share_of(all, total, 0.99);
  printf("%zu %u %u %u %u %u %zu %zu %zu\n", total - (size_t)count, p50, p99, all[total - 1], worst_p99,
         worst_max, fewest, most, failed);
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  int port = atoi(argv[1]), count = atoi(argv[3]), poll = epoll_create1(0);
  if (count < 1 || count > kMostClients) return 2;
  snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
  for (int i = 0; i < count; i++) {
    open_one(&clients[i], port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].socket, &event);
  }
  int64_t end = now() + atoll(argv[4]) * 1000000000LL;
  for (int i = 0; i < count; i++) ask(&clients[i]);
  while (now() < end) {
    struct epoll_event events[kEvents];
    int ready = epoll_wait(poll, events, kEvents, 100);
    for (int i = 0; i < ready; i++) receive(events[i].data.ptr, port, poll);
  }
  report(count);
  return 0;
}
