// SPDX-License-Identifier: Apache-2.0
//
// The directory of a server: whose it is, who else may have it, what is left of one that was killed.
#include "server/run_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace remuda::server {
namespace {

namespace fs = std::filesystem;

class RunDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(place_);
    fs::create_directories(place_);
  }
  void TearDown() override { fs::remove_all(place_); }

  static mode_t mode_of(const fs::path& path) {
    struct stat facts{};
    EXPECT_EQ(::lstat(path.c_str(), &facts), 0);
    return facts.st_mode & 07777;
  }

  fs::path place_ = fs::temp_directory_path() / ("remuda-run-" + std::to_string(::getpid()));
  fs::path wanted_ = place_ / "base" / "0123456789ab";
};

TEST_F(RunDirectoryTest, IsEmptyAndPrivate) {
  auto made = RunDirectory::make(wanted_, std::nullopt);
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ(made->path(), wanted_.string());
  EXPECT_FALSE(made->is_second());
  EXPECT_EQ(mode_of(wanted_), 0700U);
  EXPECT_EQ(mode_of(place_ / "base"), 0711U);
  fs::create_directories(wanted_ / "deep" / "deeper");
  std::ofstream(wanted_ / "deep" / "file") << "x";
  made->remove();
  EXPECT_TRUE(fs::is_empty(place_ / "base"));
}

TEST_F(RunDirectoryTest, BelongsToTheWorkersUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives things away";
  const auto made = RunDirectory::make(wanted_, config::Identity{65534, 65534});
  ASSERT_TRUE(made) << made.error();
  struct stat facts{};
  ASSERT_EQ(::stat(wanted_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_uid, 65534U);
  EXPECT_EQ(facts.st_gid, 65534U);
}

TEST_F(RunDirectoryTest, ASecondServerHasItsOwn) {
  auto first = RunDirectory::make(wanted_, std::nullopt);
  ASSERT_TRUE(first);
  std::ofstream(wanted_ / "socket") << "x";
  auto second = RunDirectory::make(wanted_, std::nullopt);
  ASSERT_TRUE(second) << second.error();
  EXPECT_TRUE(second->is_second());
  EXPECT_EQ(second->path(), wanted_.string() + "." + std::to_string(::getpid()));
  EXPECT_TRUE(fs::exists(wanted_ / "socket"));
  second->remove();
  EXPECT_TRUE(fs::exists(wanted_ / "socket"));
}

// The lock goes with the process that has it, the directories stay until somebody starts again.
TEST_F(RunDirectoryTest, WhatAKilledServerHasLeftIsRemoved) {
  const pid_t killed = ::fork();
  if (killed == 0) {
    auto first = RunDirectory::make(wanted_, std::nullopt);
    auto second = RunDirectory::make(wanted_, std::nullopt);
    std::ofstream(wanted_ / "socket") << "x";
    ::_exit(first && second ? 0 : 1);
  }
  int status = -1;
  ::waitpid(killed, &status, 0);
  ASSERT_EQ(status, 0);
  const fs::path second = wanted_.string() + "." + std::to_string(killed);
  EXPECT_TRUE(fs::exists(second));
  const auto made = RunDirectory::make(wanted_, std::nullopt);
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->is_second());
  EXPECT_TRUE(fs::is_empty(wanted_));
  EXPECT_FALSE(fs::exists(second));
  EXPECT_FALSE(fs::exists(second.string() + ".lock"));
}

TEST_F(RunDirectoryTest, WhatIsNotOursStays) {
  fs::create_directories(place_ / "base");
  for (const char* name : {"precious", "0123456789ab.x", "0123456789abcdef", "0123456789a"}) {
    fs::create_directories(place_ / "base" / name);
    std::ofstream(place_ / "base" / (std::string(name) + ".lock")) << "x";
  }
  fs::create_directories(place_ / "base" / "ba9876543210");
  std::ofstream(place_ / "base" / "ba9876543210.lock") << "";
  ASSERT_TRUE(RunDirectory::make(wanted_, std::nullopt));
  for (const char* name : {"precious", "0123456789ab.x", "0123456789abcdef", "0123456789a"}) {
    EXPECT_TRUE(fs::exists(place_ / "base" / name)) << name;
    EXPECT_TRUE(fs::exists(place_ / "base" / (std::string(name) + ".lock"))) << name;
  }
  EXPECT_FALSE(fs::exists(place_ / "base" / "ba9876543210"));  // another configuration's, and nobody has it
}

TEST_F(RunDirectoryTest, ALinkInItsPlaceLeadsNowhere) {
  fs::create_directories(place_ / "base");
  fs::create_directories(place_ / "elsewhere");
  std::ofstream(place_ / "elsewhere" / "precious") << "x";
  fs::create_directory_symlink(place_ / "elsewhere", wanted_);
  const auto made = RunDirectory::make(wanted_, std::nullopt);
  ASSERT_TRUE(made) << made.error();
  EXPECT_FALSE(fs::is_symlink(wanted_));
  EXPECT_TRUE(fs::exists(place_ / "elsewhere" / "precious"));
}

TEST_F(RunDirectoryTest, ABaseThatOthersMayChangeIsRefused) {
  fs::create_directories(place_ / "base");
  ::chmod((place_ / "base").c_str(), 0777);
  EXPECT_FALSE(RunDirectory::make(wanted_, std::nullopt));
  ::chmod((place_ / "base").c_str(), 0711);
  fs::create_directory_symlink(place_ / "base", place_ / "link");
  EXPECT_FALSE(RunDirectory::make(place_ / "link" / "0123456789ab", std::nullopt));
  EXPECT_FALSE(RunDirectory::make(place_ / "no" / "such" / "place", std::nullopt));
}

}  // namespace
}  // namespace remuda::server
