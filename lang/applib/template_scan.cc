// SPDX-License-Identifier: Apache-2.0
//
// See template_scan.h.
#include "template_scan.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace remuda::app {
namespace {

constexpr size_t kNameRoom = 64;

// A small file of /proc, without its line end.
bool read_line(const char* path, char* into, size_t room) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t got = read(fd, into, room - 1);
  close(fd);
  if (got <= 0) return false;
  into[got] = '\0';
  into[strcspn(into, "\n")] = '\0';
  return true;
}

const char* text_of(const sockaddr_storage& peer, socklen_t size, char* into, size_t room) {
  char host[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(peer);
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof(host));
    snprintf(into, room, "%s:%u", host, ntohs(address.sin_port));
  } else if (peer.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(peer);
    inet_ntop(AF_INET6, &address.sin6_addr, host, sizeof(host));
    snprintf(into, room, "[%s]:%u", host, ntohs(address.sin6_port));
  } else if (peer.ss_family == AF_UNIX && size > offsetof(sockaddr_un, sun_path)) {
    const auto& address = reinterpret_cast<const sockaddr_un&>(peer);
    const bool named = address.sun_path[0] != '\0';
    snprintf(into, room, "%s%.107s", named ? "" : "@", address.sun_path + (named ? 0 : 1));
  } else {
    snprintf(into, room, "a process");
  }
  return into;
}

// "" when descriptor fd is no connected socket.
void describe_connection(int fd, char* sentence, size_t room) {
  *sentence = '\0';
  sockaddr_storage peer;
  socklen_t size = sizeof(peer);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return;
  char whom[192];
  snprintf(sentence, room, "descriptor %d is a connection to %s, which all forks share", fd,
           text_of(peer, size, whom, sizeof(whom)));
}

}  // namespace

size_t other_threads(char* names, size_t room) {
  *names = '\0';
  DIR* const tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return 0;
  size_t count = 0;
  while (const dirent* task = readdir(tasks)) {
    const long id = strtol(task->d_name, nullptr, 10);
    if (id == 0 || id == getpid()) continue;
    char path[kNameRoom];
    char name[kNameRoom];
    snprintf(path, sizeof(path), "/proc/self/task/%ld/comm", id);
    if (!read_line(path, name, sizeof(name))) continue;  // it has ended meanwhile
    const size_t used = strlen(names);
    snprintf(names + used, room - used, "%s%s", count > 0 ? ", " : "", name);
    ++count;
  }
  closedir(tasks);
  return count;
}

void shared_things(int own, void (*found)(void* context, const char* sentence), void* context) {
  char sentence[320];
  if (DIR* const descriptors = opendir("/proc/self/fd"); descriptors != nullptr) {
    while (const dirent* one = readdir(descriptors)) {
      const int fd = atoi(one->d_name);
      if (fd <= 2 || fd == own) continue;
      describe_connection(fd, sentence, sizeof(sentence));
      if (*sentence != '\0') found(context, sentence);
    }
    closedir(descriptors);
  }
  char children[1024];
  if (!read_line("/proc/thread-self/children", children, sizeof(children))) return;
  char* rest = children;
  for (long pid; (pid = strtol(rest, &rest, 10)) > 0;) {
    char path[kNameRoom];
    char name[kNameRoom] = "?";
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    read_line(path, name, sizeof(name));
    snprintf(sentence, sizeof(sentence), "process %ld (%s) was started, which is no child of the forks", pid,
             name);
    found(context, sentence);
  }
}

}  // namespace remuda::app
