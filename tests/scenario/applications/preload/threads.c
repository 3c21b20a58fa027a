// SPDX-License-Identifier: Apache-2.0
// Starts a thread before main(): no fork would have it.

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void* sleep_long(void* unused) {
  sleep(60);
  return unused;
}

__attribute__((constructor)) static void begin(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, sleep_long, NULL);
}

int main(void) {
  puts("Content-Type: text/plain\n\nhello");
  return 0;
}
