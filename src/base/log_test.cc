// SPDX-License-Identifier: Apache-2.0
//
// The error log's lines, what cannot be smuggled into them, and that nobody waits for it.
#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace remuda::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class LogTest : public testing::Test {
 protected:
  LogTest() { EXPECT_NE(::mkdtemp(directory_), nullptr); }
  ~LogTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name = "log") const { return std::string(directory_) + "/" + name; }

  char directory_[32] = "/tmp/log_test.XXXXXX";
};

TEST_F(LogTest, ALineSaysWhenHowBadWhoAndWhat) {
  auto log = Log::open({.to = path(), .process = "worker"});
  ASSERT_TRUE(log);
  (*log)->warning("app {}: exit status {}", "gitweb", 2);
  EXPECT_THAT(contents(path()),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warning "
                           "\\[worker [0-9]+\\] app gitweb: exit status 2\n"));
}

TEST_F(LogTest, ShowsWhatIsBadEnough) {
  std::vector<std::string> lines;
  auto log = Log::into([&](std::string_view line) { lines.emplace_back(line); }, LogLevel::kWarning);
  log->debug("d");
  log->info("i");
  log->warning("w");
  log->error("e");
  EXPECT_FALSE(log->shows(LogLevel::kInfo));
  EXPECT_TRUE(log->shows(LogLevel::kError));
  EXPECT_THAT(lines, ElementsAre("warning w\n", "error e\n"));
}

TEST_F(LogTest, NothingFromOutsideMakesALineOfItsOwn) {
  std::vector<std::string> lines;
  auto log = Log::into([&](std::string_view line) { lines.emplace_back(line); });
  log->info("target {}", "/\n2026-11-21T08:00:00.123Z error [worker 1] forged\r\x1b[31m\x7f\n");
  log->info("%v {{}} %l {}", "{}");
  EXPECT_THAT(lines, ElementsAre("info target /\n    2026-11-21T08:00:00.123Z error [worker 1] "
                                 "forged\\r\\x1b[31m\\x7f\n",
                                 "info %v {} %l {}\n"));
}

TEST(Escaped, LeavesOnlyPrintableAscii) {
  EXPECT_EQ(escaped("plain / text"), "plain / text");
  EXPECT_EQ(escaped(std::string_view("a\0b\n\r\t\\\x7f\xc3\xa9", 10)), "a\\x00b\\n\\r\\t\\\\\\x7f\\xc3\\xa9");
  EXPECT_EQ(escaped(""), "");
}

TEST_F(LogTest, OffWritesNothingAndAPathThatCannotBeIsAnError) {
  auto off = Log::open({.to = "off"});
  ASSERT_TRUE(off);
  (*off)->error("nobody hears this");
  EXPECT_FALSE((*off)->shows(LogLevel::kError));
  const auto none = Log::open({.to = path("none/log")});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ENOENT);
}

TEST_F(LogTest, AsynchronousLinesAreThereAtTheEndAndInOrder) {
  {
    auto log = Log::open({.to = path(), .process = "worker", .delivery = LogDelivery::kAsynchronous});
    ASSERT_TRUE(log);
    for (int i = 0; i < 1000; ++i) (*log)->info("line {}", i);
  }
  std::ifstream file(path());
  std::string line;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(std::getline(file, line));
    EXPECT_TRUE(line.ends_with("line " + std::to_string(i)));
  }
}

TEST_F(LogTest, ReopensAfterTheFileWasMovedAway) {
  for (const LogDelivery delivery : {LogDelivery::kSynchronous, LogDelivery::kAsynchronous}) {
    {
      auto log = Log::open({.to = path(), .delivery = delivery});
      ASSERT_TRUE(log);
      (*log)->info("before");
      if (delivery == LogDelivery::kAsynchronous) ::usleep(50'000);
      std::filesystem::rename(path(), path("log.1"));
      (*log)->reopen();
      (*log)->info("after");
    }
    EXPECT_THAT(contents(path("log.1")), HasSubstr("before"));
    EXPECT_THAT(contents(path()), HasSubstr("after"));
    std::filesystem::remove(path());
  }
}

TEST_F(LogTest, AFullDiskIsSurvivedAndCounted) {
  auto log = Log::open({.to = "/dev/full"});
  ASSERT_TRUE(log);
  for (int i = 0; i < 10; ++i) (*log)->error("lost");
  EXPECT_EQ((*log)->lost(), 10U);
}

// Nobody reads the pipe: writers do not wait, the oldest lines go, and the end comes soon.
TEST_F(LogTest, AReaderThatStallsHoldsNobodyUp) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const Fd reader(::open(path().c_str(), O_RDONLY | O_NONBLOCK));
  ::fcntl(reader.get(), F_SETPIPE_SZ, 4096);
  auto log = Log::open({.to = path(), .delivery = LogDelivery::kAsynchronous, .queue_bound = 100});
  ASSERT_TRUE(log);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5000; ++i) (*log)->info("a line that nobody reads, number {}", i);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900));
  EXPECT_GT((*log)->lost(), 4000U);
  log->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
}

TEST_F(LogTest, SaysHowManyLinesWereLostOnceSomebodyReads) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const Fd reader(::open(path().c_str(), O_RDONLY | O_NONBLOCK));
  ::fcntl(reader.get(), F_SETPIPE_SZ, 4096);
  auto log = Log::open({.to = path(), .delivery = LogDelivery::kAsynchronous, .queue_bound = 100});
  ASSERT_TRUE(log);
  for (int i = 0; i < 5000; ++i) (*log)->info("a line that nobody reads, number {}", i);
  std::string text;
  for (int tries = 0; tries < 200 && !text.contains("lines of this log were lost"); ++tries) {
    char bytes[4096];
    const ssize_t got = ::read(reader.get(), bytes, sizeof bytes);
    if (got > 0) text.append(bytes, static_cast<size_t>(got));
    ::usleep(10'000);
  }
  EXPECT_TRUE(text.contains("lines of this log were lost"));
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST_F(LogTest, ManyThreadsWriteWholeLines) {
  {
    auto log = Log::open({.to = path(), .delivery = LogDelivery::kAsynchronous, .queue_bound = 100'000});
    ASSERT_TRUE(log);
    std::vector<std::thread> threads;
    for (int name = 0; name < 4; ++name) {
      threads.emplace_back([&log, name] {
        for (int i = 0; i < 500; ++i)
          (*log)->info("{} {}", name, std::string(50, static_cast<char>('a' + name)));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::ifstream file(path());
  size_t count = 0;
  for (std::string line; std::getline(file, line); ++count)
    EXPECT_TRUE(line.ends_with("aaaaa") || line.ends_with("bbbbb") || line.ends_with("ccccc") ||
                line.ends_with("ddddd"));
  EXPECT_EQ(count, 2000U);
}

}  // namespace
}  // namespace remuda::base
