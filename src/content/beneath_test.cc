// SPDX-License-Identifier: Apache-2.0
//
// No path and no link leads out of the root; both ways of resolving agree on everything.
#include "content/beneath.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "content/testing/site.h"

namespace remuda::content {
namespace {

class Beneath : public ::testing::TestWithParam<Resolution> {
 protected:
  Beneath() {
    directory.write("secret", "outside");
    directory.write("root/file", "inside");
    directory.write("root/dir/sub/deep", "deep");
    directory.link("root/to_file", "file");
    directory.link("root/dir/up", "../file");
    directory.link("root/dir/chain", "up");
    directory.link("root/to_dir", "dir/sub");
    directory.link("root/out", "../secret");
    directory.link("root/dir/sub/far_out", "../../../secret");
    directory.link("root/absolute", directory.at("secret"));
    directory.link("root/absolute_inside", directory.at("root/file"));
    directory.link("root/dangling", "nothing");
    directory.link("root/loop", "loop");
    directory.link("root/in_and_out", "dir/../../root/file");
    root = base::Fd(::open(directory.at("root").c_str(), O_PATH | O_DIRECTORY));
  }

  // The content, or the name of the error.
  std::string read(const std::string& path) const {
    const auto fd = open_beneath(root.get(), path, O_RDONLY | O_NONBLOCK, GetParam());
    if (!fd) return strerrorname_np(fd.error().code);
    char text[100];
    const ssize_t got = ::read(fd->get(), text, sizeof text);
    return got < 0 ? strerrorname_np(errno) : std::string(text, got);
  }

  testing::TemporaryDirectory directory;
  base::Fd root;
};

TEST_P(Beneath, FindsWhatIsInside) {
  EXPECT_EQ(read("file"), "inside");
  EXPECT_EQ(read("./dir/.././file"), "inside");
  EXPECT_EQ(read("dir//sub///deep"), "deep");
  EXPECT_EQ(read("to_file"), "inside");
  EXPECT_EQ(read("dir/up"), "inside");
  EXPECT_EQ(read("dir/chain"), "inside");
  EXPECT_EQ(read("to_dir/deep"), "deep");
  EXPECT_EQ(read("to_dir/../up"), "inside");  // ".." of where the link led, not of the link
  EXPECT_EQ(read(""), "EISDIR");
  EXPECT_EQ(read("dir/"), "EISDIR");
}

TEST_P(Beneath, NeverLeaves) {
  EXPECT_EQ(read("../secret"), "EXDEV");
  EXPECT_EQ(read(".."), "EXDEV");
  EXPECT_EQ(read("dir/../../secret"), "EXDEV");
  EXPECT_EQ(read("out"), "EXDEV");
  EXPECT_EQ(read("dir/sub/far_out"), "EXDEV");
  EXPECT_EQ(read("to_dir/far_out"), "EXDEV");
  EXPECT_EQ(read("absolute"), "EXDEV");
  EXPECT_EQ(read("absolute_inside"), "EXDEV");
  EXPECT_EQ(read("in_and_out"), "EXDEV");
  EXPECT_EQ(read("/etc/passwd"), "EXDEV");
}

TEST_P(Beneath, Errors) {
  EXPECT_EQ(read("nothing"), "ENOENT");
  EXPECT_EQ(read("dangling"), "ENOENT");
  EXPECT_EQ(read("loop"), "ELOOP");
  EXPECT_EQ(read("file/"), "ENOTDIR");
  EXPECT_EQ(read("file/more"), "ENOTDIR");
  EXPECT_EQ(read("to_file/"), "ENOTDIR");
  EXPECT_EQ(read(std::string(256, 'x')), "ENAMETOOLONG");
  EXPECT_EQ(read(std::string(5000, 'x')), "ENAMETOOLONG");
  std::string deep;
  while (deep.size() < 5000) deep += "dir/../";
  EXPECT_EQ(read(deep + "file"), "ENAMETOOLONG");
}

TEST_P(Beneath, NeverHangsAndSeesWhatItIs) {
  ASSERT_EQ(::mkfifo(directory.at("root/fifo").c_str(), 0600), 0);
  EXPECT_EQ(read("fifo"), "");  // O_NONBLOCK: open at once, nothing in it
  const auto fd = open_beneath(root.get(), "fifo", O_PATH, GetParam());
  ASSERT_TRUE(fd.has_value());
  struct stat status{};
  ASSERT_EQ(::fstat(fd->get(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
}

TEST_P(Beneath, LeaksNothing) {
  const int before = ::dup(0);
  ::close(before);
  for (int i = 0; i < 50; ++i) {
    read("dir/../dir/sub/deep");
    read("dir/sub/far_out");
    read("loop");
  }
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(before, after);
}

// Another process swaps a directory for a link that leads out while we resolve: never outside.
TEST_P(Beneath, RacesDoNotLeadOut) {
  directory.make_directory("outside");
  directory.write("outside/name", "outside");
  directory.write("root/swap/name", "inside");
  directory.link("root/trap", "../outside");
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    while (!stop) {
      ::renameat2(AT_FDCWD, directory.at("root/swap").c_str(), AT_FDCWD, directory.at("root/trap").c_str(),
                  RENAME_EXCHANGE);
    }
  });
  int inside = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  // On a busy machine the swapper may rest for long where the name leads out.
  for (int i = 0; i < 3000 || (inside == 0 && std::chrono::steady_clock::now() < end); ++i) {
    const std::string text = read("swap/name");
    EXPECT_NE(text, "outside");
    inside += text == "inside" ? 1 : 0;
  }
  stop = true;
  swapper.join();
  EXPECT_GT(inside, 0);
}

std::vector<Resolution> available() {
  if (available_resolution(Resolution::kKernel) == Resolution::kByHand) return {Resolution::kByHand};
  return {Resolution::kKernel, Resolution::kByHand};
}

INSTANTIATE_TEST_SUITE_P(Both, Beneath, ::testing::ValuesIn(available()), [](const auto& info) {
  return info.param == Resolution::kKernel ? "Kernel" : "ByHand";
});

}  // namespace
}  // namespace remuda::content
