// SPDX-License-Identifier: Apache-2.0
//
// Where lines go when the disk is full, the reader stalls, or the file was moved away.
#include "base/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace remuda::base {
namespace {

int no_patience() { return 0; }

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class LogFileTest : public testing::Test {
 protected:
  LogFileTest() { EXPECT_NE(::mkdtemp(directory_), nullptr); }
  ~LogFileTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name = "log") const { return std::string(directory_) + "/" + name; }

  char directory_[32] = "/tmp/log_file_test.XXXXXX";
};

TEST_F(LogFileTest, AppendsAndReopens) {
  std::ofstream(path()) << "before\n";
  auto file = LogFile::open(path(), no_patience);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->write("one\n").error, 0);
  std::filesystem::rename(path(), path("log.1"));
  EXPECT_EQ(file->write("two\n").error, 0);
  EXPECT_TRUE(file->reopen());
  EXPECT_EQ(file->write("three\n").error, 0);
  EXPECT_EQ(contents(path("log.1")), "before\none\ntwo\n");
  EXPECT_EQ(contents(path()), "three\n");
}

TEST_F(LogFileTest, AFailedReopenKeepsTheOldFile) {
  auto file = LogFile::open(path(), no_patience);
  ASSERT_TRUE(file);
  std::filesystem::rename(path(), path("log.1"));
  std::filesystem::create_directory(path());
  const auto reopened = file->reopen();
  ASSERT_FALSE(reopened);
  EXPECT_EQ(reopened.error().code, EISDIR);
  EXPECT_EQ(file->write("still\n").error, 0);
  EXPECT_EQ(contents(path("log.1")), "still\n");
}

TEST_F(LogFileTest, FollowsNoSymbolicLinkAndWaitsForNoReader) {
  std::filesystem::create_symlink("/etc/passwd", path());
  EXPECT_EQ(LogFile::open(path(), no_patience).error().code, ELOOP);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(LogFile::open(path("pipe"), no_patience).error().code, ENXIO);
  EXPECT_EQ(LogFile::open(path("none/log"), no_patience).error().code, ENOENT);
}

TEST_F(LogFileTest, AFullDeviceLosesLinesAndSaysHowMany) {
  auto file = LogFile::open("/dev/full", no_patience);
  ASSERT_TRUE(file);
  const auto outcome = file->write("one\ntwo\nthree\n");
  EXPECT_EQ(outcome.error, ENOSPC);
  EXPECT_EQ(outcome.lines_lost, 3U);
}

class FifoTest : public LogFileTest {
 protected:
  FifoTest() {
    EXPECT_EQ(::mkfifo(path().c_str(), 0600), 0);
    reader_.reset(::open(path().c_str(), O_RDONLY | O_NONBLOCK));
    ::fcntl(reader_.get(), F_SETPIPE_SZ, 4096);
  }
  std::string read_all() {
    std::string text(100'000, '\0');
    const ssize_t got = ::read(reader_.get(), text.data(), text.size());
    text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return text;
  }

  Fd reader_;
  int asked_ = 0;
};

TEST_F(FifoTest, AReaderThatStallsCostsPatienceAndLinesButNoTornOnes) {
  auto file = LogFile::open(path(), [this] { return ++asked_ < 3 ? 1 : 0; });
  ASSERT_TRUE(file);
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "line number " + std::to_string(i) + "\n";
  const auto outcome = file->write(lines);
  EXPECT_EQ(outcome.error, EAGAIN);
  EXPECT_EQ(asked_, 3);
  const std::string first = read_all();
  EXPECT_EQ(lines.substr(0, first.size()), first);
  EXPECT_TRUE(first.ends_with('\n'));
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(first, '\n')), 1000 - outcome.lines_lost);
  EXPECT_EQ(file->write("after\n").error, 0);
  EXPECT_EQ(read_all(), "after\n");
}

TEST_F(FifoTest, AReaderThatLeavesIsAnError) {
  ::signal(SIGPIPE, SIG_IGN);
  auto file = LogFile::open(path(), no_patience);
  ASSERT_TRUE(file);
  reader_.reset();
  const auto outcome = file->write("one\n");
  EXPECT_EQ(outcome.error, EPIPE);
  EXPECT_EQ(outcome.lines_lost, 1U);
}

// A file system of 64 KiB: lines until it is full, room made, more lines. None of them may be glued to
// another.
TEST_F(LogFileTest, ATornLineIsClosedBeforeTheNext) {
  const std::string small = path("small");
  std::filesystem::create_directory(small);
  if (::mount("none", small.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "needs root";
  const std::string log = small + "/log";
  std::ofstream(small + "/ballast") << std::string(32 * 1024, 'x');
  {
    auto file = LogFile::open(log, no_patience);
    ASSERT_TRUE(file);
    const std::string line = "0123456789 0123456789 0123456789 0123456789\n";
    size_t lost = 0;
    for (int i = 0; i < 2000; ++i) lost += file->write(line).lines_lost;
    EXPECT_GT(lost, 0U);
    std::filesystem::remove(small + "/ballast");
    EXPECT_EQ(file->write("after\n").error, 0);
    const std::string text = contents(log);
    EXPECT_TRUE(text.ends_with("\nafter\n"));
    std::istringstream lines(text);
    size_t whole = 0;
    size_t torn = 0;
    for (std::string each; std::getline(lines, each);) {
      if (each + "\n" == line)
        ++whole;
      else if (each != "after")
        ++torn;
    }
    EXPECT_EQ(whole, 2000 - lost);
    EXPECT_LE(torn, 1U);
  }
  ::umount(small.c_str());
}

}  // namespace
}  // namespace remuda::base
