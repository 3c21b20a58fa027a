// SPDX-License-Identifier: Apache-2.0
//
// What is written where in the hierarchy: a tree of ordinary files with the kernel's names, of which each
// keeps what was written last.
#include "spawner/confinement/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace remuda::spawner {
namespace {

namespace fs = std::filesystem;

class CgroupTest : public testing::Test {
 protected:
  CgroupTest() {
    for (const char* group : {"", "/remuda-server", "/remuda-77", "/remuda-77/shop"}) make_group(group);
  }
  ~CgroupTest() override { fs::remove_all(tree_); }

  void make_group(const std::string& group) const {
    fs::create_directories(tree_ + group);
    for (const char* file :
         {"/cgroup.procs", "/cgroup.subtree_control", "/cgroup.type", "/memory.max", "/pids.max", "/cpu.max"})
      std::ofstream(tree_ + group + file) << "";
  }
  // As the kernel does, whose files go with their group.
  void empty(const std::string& group) const {
    for (const auto& entry : fs::directory_iterator(tree_ + group)) {
      if (entry.is_regular_file()) fs::remove(entry.path());
    }
  }
  void write(const std::string& file, const std::string& text) const { std::ofstream(tree_ + file) << text; }
  std::string read(const std::string& file) const {
    std::ifstream stream(tree_ + file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  CgroupName name() const { return {{tree_}, 77, "shop"}; }
  std::expected<base::Fd, ConfinementFailure> make(const CgroupRules& rules) const {
    return make_cgroup(name(), rules);
  }

  const std::string tree_ = testing::TempDir() + "remuda-cgroup";
};

TEST_F(CgroupTest, HasTheLimitsThatAreAskedFor) {
  const auto made = make({.memory = 1 << 20, .processes = 20, .cpu = 150});
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_EQ(read("/cgroup.subtree_control"), "+memory +pids +cpu");
  EXPECT_EQ(read("/remuda-77/cgroup.subtree_control"), "+memory +pids +cpu");
  EXPECT_EQ(read("/remuda-77/shop/memory.max"), "1048576");
  EXPECT_EQ(read("/remuda-77/shop/pids.max"), "20");
  EXPECT_EQ(read("/remuda-77/shop/cpu.max"), "150000 100000");
  EXPECT_TRUE(*made);
}

TEST_F(CgroupTest, AsksForNoControllerThatItDoesNotNeed) {
  ASSERT_TRUE(make({.processes = 5}));
  EXPECT_EQ(read("/remuda-77/shop/memory.max"), "");
  EXPECT_EQ(read("/remuda-77/cgroup.subtree_control"), "+pids");
}

TEST_F(CgroupTest, TheServersProcessesMakeRoom) {
  write("/cgroup.procs", "4711\n");
  ASSERT_TRUE(make({.processes = 5}));
  EXPECT_EQ(read("/remuda-server/cgroup.procs"), "4711");
}

TEST_F(CgroupTest, TheRootOfTheHierarchyNeedsNoRoom) {
  write("/cgroup.procs", "4711\n");
  fs::remove(tree_ + "/cgroup.type");
  ASSERT_TRUE(make({.processes = 5}));
  EXPECT_EQ(read("/remuda-server/cgroup.procs"), "");
}

TEST_F(CgroupTest, GoesAndTheServersProcessesReturn) {
  ASSERT_TRUE(make({.processes = 5}));
  write("/remuda-server/cgroup.procs", "4711\n");
  empty("/remuda-77/shop");
  empty("/remuda-77");
  remove_cgroup(name());
  EXPECT_FALSE(fs::exists(tree_ + "/remuda-77"));
  EXPECT_EQ(read("/cgroup.subtree_control"), "-memory -pids -cpu");
  EXPECT_EQ(read("/cgroup.procs"), "4711");
}

TEST_F(CgroupTest, StaysAsLongAsAnotherApplicationHasOne) {
  make_group("/remuda-77/blog");
  empty("/remuda-77/shop");
  empty("/remuda-77");
  write("/remuda-server/cgroup.procs", "4711\n");
  remove_cgroup(name());
  EXPECT_FALSE(fs::exists(tree_ + "/remuda-77/shop"));
  EXPECT_TRUE(fs::exists(tree_ + "/remuda-77/blog"));
  EXPECT_EQ(read("/cgroup.procs"), "");
}

TEST_F(CgroupTest, SaysWhatCouldNotBeWritten) {
  fs::remove(tree_ + "/remuda-77/shop/pids.max");
  const auto made = make({.processes = 5});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().error, ENOENT);
  EXPECT_EQ(made.error().what, "write \"5\" to " + tree_ + "/remuda-77/shop/pids.max");
}

}  // namespace
}  // namespace remuda::spawner
