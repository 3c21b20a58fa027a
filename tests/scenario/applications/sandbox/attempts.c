// SPDX-License-Identifier: Apache-2.0
//
// The same of a compiled program, which a template forks before main: a line for each attempt, its name and
// errno. The path that it is to read is PATH_INFO; one entry into the kernel is that of 32-bit programs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int by_32_bit(int number) {
#ifdef __x86_64__
  int result = number;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory");
  return result;
#else
  return -EPERM;
#endif
}

static int error_of(long result) { return result < 0 ? errno : 0; }

int main(void) {
  printf("Content-Type: text/plain\n\n");
  printf("read %d\n", error_of(open(getenv("PATH_INFO"), O_RDONLY)));
  printf("write %d\n", error_of(open("/etc/remuda-was-here", O_WRONLY | O_CREAT, 0600)));
  printf("unshare %d\n", error_of(unshare(CLONE_NEWUSER)));
  printf("raw %d\n", error_of(socket(AF_INET, SOCK_RAW, 1)));
  printf("mount32 %d\n", -by_32_bit(21));
  return 0;
}
