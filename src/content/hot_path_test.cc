// SPDX-License-Identifier: Apache-2.0
//
// Budgets of the hot path, a GET of a fresh file without conditions: no heap allocation, no system call, and
// a bounded number of instructions (counted by the processor where it lets us; reported only where not).
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

#include "content/testing/site.h"

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define REMUDA_COUNTS_ALLOCATIONS 1
#endif

namespace {
// One thread counts; others only ever add.
std::atomic<uint64_t> allocations = 0;
}  // namespace

#ifdef REMUDA_COUNTS_ALLOCATIONS
void* operator new(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace remuda::content {
namespace {

using http::KnownName;

// One exchange that is answered over and over, as a connection would do it.
class Repeated final : public http::Exchange {
 public:
  Repeated(base::Arena& its_arena, loop::Loop& its_loop) : Exchange(its_arena, its_loop) {}
  loop::Task<base::Result<void>> inform(int, const http::Fields&) override { co_return base::Result<void>(); }
  void watch_client(loop::Scope&) override {}
  void stop_watching() override {}
};

loop::Task<void> answer_often(http::Handler& handler, loop::Loop& loop, int times, int& answered) {
  std::array<std::byte, 4096> block;
  base::Arena arena(block);
  for (int i = 0; i < times; ++i) {
    Repeated exchange(arena, loop);
    exchange.request.method = "GET";
    exchange.request.target = exchange.request.raw_path = "/assets/application.js";
    exchange.request.fields.add(KnownName::kHost, "example.test");
    exchange.request.fields.add(KnownName::kAcceptEncoding, "gzip, deflate, br, zstd");
    co_await handler.handle(exchange);
    if (exchange.response.status == 200 && exchange.response.holder != nullptr) ++answered;
    if (exchange.response.holder != nullptr) exchange.response.holder->release();
    arena.reset();
  }
}

class HotPath : public ::testing::Test {
 protected:
  HotPath() {
    site.directory.write("assets/application.js", std::string(900, 'x'));
    answer(10);
  }
  void answer(int times) {
    answered = 0;
    site.loop().root().spawn(answer_often(site.handler(), site.loop(), times, answered));
    EXPECT_EQ(answered, times);
  }
  testing::TemporarySite site;
  int answered = 0;
};

TEST_F(HotPath, AllocatesNothing) {
#ifndef REMUDA_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "a sanitizer has its own allocator, and takes every frame from it";
#endif
  const uint64_t before = allocations;
  answer(1000);
  EXPECT_EQ(allocations - before, 0U);
}

// In a process that may only write and exit.
TEST_F(HotPath, MakesNoSystemCall) {
#ifndef REMUDA_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "sanitizers make system calls of their own";
#endif
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) ::syscall(SYS_exit, 2);
    answer(1000);
    ::syscall(SYS_exit, answered == 1000 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "no seccomp here";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

TEST_F(HotPath, FewInstructions) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_HW_INSTRUCTIONS;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  const base::Fd counter(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0UL)));
  if (!counter) GTEST_SKIP() << "the processor's counters cannot be read here";
  constexpr int kTimes = 10'000;
  uint64_t before = 0;
  uint64_t after = 0;
  ASSERT_EQ(::read(counter.get(), &before, sizeof before), sizeof before);
  answer(kTimes);
  ASSERT_EQ(::read(counter.get(), &after, sizeof after), sizeof after);
  const uint64_t each = (after - before) / kTimes;
  RecordProperty("instructions", static_cast<int>(each));
#if defined(NDEBUG)
  EXPECT_LT(each, 1500U);  // the test's own making of the exchange included
#endif
}

}  // namespace
}  // namespace remuda::content
