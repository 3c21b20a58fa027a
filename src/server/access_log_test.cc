// SPDX-License-Identifier: Apache-2.0
//
// From a finished exchange to the file: when lines arrive, what a full disk, a stalled or vanished reader and
// a moved file do to them, and that every line is counted once. The loop's side must not wait for any of it.
#include "server/access_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::server {
namespace {

using namespace std::chrono_literals;
using base::Fd;
using config::AccessFormat;
using testing::HasSubstr;

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

uint64_t count_lines(const std::string& text) {
  return static_cast<uint64_t>(std::ranges::count(text, '\n'));
}

class AccessLogTest : public testing::Test {
 protected:
  AccessLogTest() {
    EXPECT_NE(::mkdtemp(directory_), nullptr);
    record_.status = 200;
  }
  ~AccessLogTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name = "access.log") const { return std::string(directory_) + "/" + name; }

  void open(const std::string& to, size_t queue_bound = 64) {
    auto opened = LogWriter::open(
        {.to = to, .queue_bound = queue_bound, .last_patience = 200ms, .calm = 10ms}, errors_);
    ASSERT_TRUE(opened);
    writer_ = std::move(*opened);
    log_.emplace(loop_, *writer_, AccessFormat::kCombined);
  }
  void add(uint64_t lines) {
    for (uint64_t i = 0; i < lines; ++i) log_->add(exchange_, record_);
  }
  void close() {
    log_.reset();
    writer_.reset();
  }
  LogCounters counters() const { return writer_->counters(); }

  bool wait_for(const std::function<bool()>& condition) {
    for (int tries = 0; tries < 500; ++tries) {
      if (condition()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
  std::string said() {
    const std::scoped_lock lock(mutex_);
    return said_;
  }

  char directory_[32] = "/tmp/access_log_test.XXXXXX";
  std::mutex mutex_;
  std::string said_;
  std::unique_ptr<base::Log> errors_owner_ = base::Log::into([this](std::string_view line) {
    const std::scoped_lock lock(mutex_);
    said_ += line;
  });
  base::Log& errors_ = *errors_owner_;
  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  http::testing::FakeExchange exchange_{loop_, "GET", "/"};
  http::Record record_;
  std::unique_ptr<LogWriter> writer_;
  std::optional<AccessLog> log_;
};

TEST_F(AccessLogTest, LinesComeAfterATenthOfASecond) {
  open(path());
  add(3);
  backend_.set_clock(loop::ClockMode::kByTest);
  backend_.advance(90ms);
  loop_.turn(loop_.now());
  EXPECT_EQ(counters().written, 0U);
  backend_.advance(20ms);
  loop_.turn(loop_.now());
  EXPECT_TRUE(wait_for([&] { return counters().written == 3; }));
  EXPECT_EQ(count_lines(contents(path())), 3U);
  close();
}

TEST_F(AccessLogTest, ManyLinesComeAtOnce) {
  open(path());
  add(2000);
  EXPECT_TRUE(wait_for([&] { return counters().written > 1000; }));
  close();
  EXPECT_EQ(count_lines(contents(path())), 2000U);
}

TEST_F(AccessLogTest, TheEndLosesNothing) {
  open(path());
  add(7);
  close();
  EXPECT_EQ(count_lines(contents(path())), 7U);
  EXPECT_EQ(said(), "");
}

TEST_F(AccessLogTest, SeveralLoopsShareAWriter) {
  open(path());
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([this] {
      loop::DeterministicBackend backend;
      loop::Loop loop(backend);
      http::testing::FakeExchange exchange(loop, "GET", "/from/a/loop");
      AccessLog log(loop, *writer_, AccessFormat::kJson);
      for (int line = 0; line < 1000; ++line) log.add(exchange, record_);
    });
  }
  for (std::thread& thread : threads) thread.join();
  close();
  const std::string text = contents(path());
  EXPECT_EQ(count_lines(text), 3000U);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.starts_with("{\"time\"") && line.ends_with("}"));
}

TEST_F(AccessLogTest, ReopensWhenAsked) {
  open(path());
  add(1);
  log_->flush();
  ASSERT_TRUE(wait_for([&] { return counters().written == 1; }));
  std::filesystem::rename(path(), path("access.log.1"));
  writer_->reopen();
  ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(path()); }));
  add(2);
  close();
  EXPECT_EQ(count_lines(contents(path("access.log.1"))), 1U);
  EXPECT_EQ(count_lines(contents(path())), 2U);
}

TEST_F(AccessLogTest, AFileThatCannotBeOpenedIsAnErrorAtTheStart) {
  const auto opened = LogWriter::open({.to = path("none/access.log")}, errors_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ENOENT);
}

TEST_F(AccessLogTest, AFullDiskLosesLinesAndSaysSoOnce) {
  open("/dev/full");
  for (int i = 0; i < 5; ++i) {
    add(10);
    log_->flush();
  }
  EXPECT_TRUE(wait_for([&] { return counters().failed == 50; }));
  EXPECT_EQ(counters().written, 0U);
  close();
  EXPECT_THAT(said(), HasSubstr("lines are being lost: write: No space left on device"));
  EXPECT_THAT(said(), HasSubstr("50 lines were lost"));
  EXPECT_EQ(count_lines(said()), 2U);
}

TEST_F(AccessLogTest, ADiskThatHasRoomAgainGetsWholeLines) {
  const std::string small = path("small");
  std::filesystem::create_directory(small);
  if (::mount("none", small.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "needs root";
  std::ofstream(small + "/ballast") << std::string(40 * 1024, 'x');
  open(small + "/access.log");
  for (int i = 0; i < 20; ++i) {
    add(100);
    log_->flush();
  }
  ASSERT_TRUE(wait_for([&] { return counters().written + counters().failed == 2000; }));
  EXPECT_GT(counters().failed, 0U);
  std::filesystem::remove(small + "/ballast");
  std::this_thread::sleep_for(20ms);
  add(10);
  log_->flush();
  ASSERT_TRUE(wait_for([&] { return said().contains("lines were lost"); }));
  const LogCounters after = counters();
  EXPECT_EQ(after.written + after.failed, 2010U);
  EXPECT_THAT(said(), HasSubstr(std::to_string(after.failed) + " lines were lost"));
  close();
  std::istringstream lines(contents(small + "/access.log"));
  uint64_t whole = 0;
  uint64_t torn = 0;
  for (std::string line; std::getline(lines, line);) {
    const bool is_whole = line.starts_with("- - - [") && line.ends_with("\"-\" \"-\"");
    is_whole ? ++whole : ++torn;
    EXPECT_EQ(line.find("- - - [", 1), std::string::npos) << "glued";
  }
  EXPECT_EQ(whole, after.written);
  EXPECT_LE(torn, 1U);
  ::umount(small.c_str());
}

class PipedAccessLogTest : public AccessLogTest {
 protected:
  PipedAccessLogTest() {
    EXPECT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    reader_.reset(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK));
    ::fcntl(reader_.get(), F_SETPIPE_SZ, 4096);
  }

  Fd reader_;
};

TEST_F(PipedAccessLogTest, AReaderThatStallsCostsLinesAndNoTime) {
  open(path("pipe"), 2);
  const auto began = std::chrono::steady_clock::now();
  add(20'000);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_GT(counters().dropped, 10'000U);
  EXPECT_TRUE(wait_for([&] { return said().contains("takes the lines too slowly"); }));

  // Somebody reads again.
  std::atomic<bool> stop = false;
  std::string text;
  std::thread reading([&] {
    while (true) {
      char bytes[65536];
      const ssize_t got = ::read(reader_.get(), bytes, sizeof bytes);
      if (got > 0) {
        text.append(bytes, static_cast<size_t>(got));
      } else if (stop) {
        break;
      } else {
        std::this_thread::sleep_for(1ms);
      }
    }
  });
  EXPECT_TRUE(wait_for([&] {
    log_->flush();
    return counters().written > 500;
  }));
  std::this_thread::sleep_for(50ms);
  add(1);
  log_->flush();
  EXPECT_TRUE(wait_for([&] { return said().contains("lines were lost"); }));
  EXPECT_TRUE(wait_for([&] { return counters().written + counters().dropped == 20'001; }));
  const LogCounters last = counters();
  close();
  stop = true;
  reading.join();
  EXPECT_EQ(count_lines(text), last.written);
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST_F(PipedAccessLogTest, AReaderThatStallsDoesNotHoldTheEndUp) {
  open(path("pipe"), 4);
  add(5000);
  const auto began = std::chrono::steady_clock::now();
  close();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

TEST_F(PipedAccessLogTest, AReaderThatLeavesCostsLines) {
  open(path("pipe"));
  add(1);
  log_->flush();
  ASSERT_TRUE(wait_for([&] { return counters().written == 1; }));
  reader_.reset();
  add(5);
  log_->flush();
  EXPECT_TRUE(wait_for([&] { return counters().failed == 5; }));
  EXPECT_THAT(said(), HasSubstr("Broken pipe"));
  close();
}

}  // namespace
}  // namespace remuda::server
