// SPDX-License-Identifier: Apache-2.0
//
// Tests of the real machine, as far as any machine is the same: what exists, what kind it is, who may use it.
#include "config/machine.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace remuda::config {
namespace {

class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "remuda_machine_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    program_ = directory_ + "/program";
    std::ofstream(program_) << "#!/bin/sh\n";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string program_;
  const Machine& machine_ = this_machine();
};

TEST_F(MachineTest, TellsKindsApart) {
  EXPECT_EQ(machine_.directory(directory_, std::nullopt), Access::kGood);
  EXPECT_EQ(machine_.directory(program_, std::nullopt), Access::kWrongKind);
  EXPECT_EQ(machine_.directory(directory_ + "/none", std::nullopt), Access::kMissing);
  EXPECT_EQ(machine_.program(directory_, std::nullopt), Access::kWrongKind);
  EXPECT_EQ(machine_.program(directory_ + "/none", std::nullopt), Access::kMissing);
}

TEST_F(MachineTest, NobodyExecutesWhatIsNotExecutable) {
  EXPECT_EQ(machine_.program(program_, std::nullopt), Access::kDenied);
  ASSERT_EQ(::chmod(program_.c_str(), 0755), 0);
  EXPECT_EQ(machine_.program(program_, std::nullopt), Access::kGood);
}

TEST_F(MachineTest, AsksForTheRightsOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can ask for another user";
  const Identity nobody{65534, 65534};
  EXPECT_EQ(machine_.directory(directory_, nobody), Access::kDenied);
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  EXPECT_EQ(machine_.directory(directory_, nobody), Access::kGood);
  ASSERT_EQ(::chmod(directory_.c_str(), 0700), 0);
  EXPECT_EQ(machine_.directory(directory_, std::nullopt), Access::kGood) << "the own identity is back";
}

TEST_F(MachineTest, ALimitIsBoundedByTheOwnOne) {
  const auto most = machine_.highest_limit(Resource::kOpenFiles);
  rlimit own{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  if (most) EXPECT_EQ(*most, own.rlim_max);
  const rlimit raised{own.rlim_cur, own.rlim_max + 1};
  const bool may_raise = own.rlim_max != RLIM_INFINITY && ::setrlimit(RLIMIT_NOFILE, &raised) == 0;
  EXPECT_EQ(most.has_value(), !may_raise && own.rlim_max != RLIM_INFINITY);
  if (may_raise) EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &own), 0);
}

TEST_F(MachineTest, KnowsUsersByNameAndNumber) {
  EXPECT_EQ(machine_.user("root"), (Identity{0, 0}));
  EXPECT_EQ(machine_.user("0"), (Identity{0, 0}));
  EXPECT_EQ(machine_.group("root"), 0U);
  EXPECT_EQ(machine_.user("no-such-user-here"), std::nullopt);
  EXPECT_EQ(machine_.group("4294967290"), std::nullopt);
  EXPECT_EQ(machine_.is_root(), ::geteuid() == 0);
}

}  // namespace
}  // namespace remuda::config
