// SPDX-License-Identifier: Apache-2.0
//
// Where a process stands in the hierarchy, as a /proc of the test's own says it.
#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace remuda::base {
namespace {

class CgroupTest : public testing::Test {
 protected:
  ~CgroupTest() override { std::filesystem::remove_all(proc_); }

  Result<CgroupPlace> find(const std::string& mounts, const std::string& own) {
    std::filesystem::create_directories(proc_ + "/self");
    std::ofstream(proc_ + "/self/mountinfo") << mounts;
    std::ofstream(proc_ + "/self/cgroup") << own;
    return find_cgroup(proc_);
  }

  const std::string proc_ = testing::TempDir() + "remuda-proc";
};

constexpr const char* kMounts =
    "24 30 0:22 / /proc rw,nosuid shared:13 - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST_F(CgroupTest, IsFoundBelowItsMount) {
  const auto place = find(kMounts, "1:name=systemd:/x\n0::/system.slice/remuda.service\n");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->directory, "/sys/fs/cgroup/system.slice/remuda.service");
}

TEST_F(CgroupTest, OfAServerThatHasMovedIsWhereItCameFrom) {
  EXPECT_EQ(find(kMounts, "0::/a/remuda-server\n")->directory, "/sys/fs/cgroup/a");
  EXPECT_EQ(find(kMounts, "0::/remuda-server\n")->directory, "/sys/fs/cgroup");
  EXPECT_EQ(find(kMounts, "0::/\n")->directory, "/sys/fs/cgroup");
}

TEST_F(CgroupTest, OfACheckBeforeTheStartIsThatOfTheService) {
  EXPECT_EQ(find(kMounts, "0::/a/remuda.service/.control\n")->directory, "/sys/fs/cgroup/a/remuda.service");
}

TEST_F(CgroupTest, OfAContainerBeginsAtTheRootOfItsMount) {
  const auto place = find("31 23 0:28 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/box/a\n");
  EXPECT_EQ(place->directory, "/sys/fs/cgroup/a");
}

TEST_F(CgroupTest, IsMissingWhereOnlyVersion1IsMounted) {
  EXPECT_FALSE(find("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "0::/\n"));
  EXPECT_FALSE(find(kMounts, "8:pids:/\n"));
}

TEST_F(CgroupTest, HasTheControllersOfItsFile) {
  const CgroupPlace place{proc_};
  std::filesystem::create_directories(proc_);
  std::ofstream(proc_ + "/cgroup.controllers") << "cpuset cpu memory\n";
  EXPECT_TRUE(place.has_controller("cpu") && place.has_controller("memory"));
  EXPECT_FALSE(place.has_controller("pids"));
  EXPECT_FALSE(place.is_writable());
}

}  // namespace
}  // namespace remuda::base
