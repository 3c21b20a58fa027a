// SPDX-License-Identifier: Apache-2.0
//
// Which file a path means, with real files: suffixes, index, fallback, and what is never a script.
#include "gateway/script_lookup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "loop/backend/deterministic.h"

namespace remuda::gateway {
namespace {

class ScriptLookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("remuda-scripts-" + std::to_string(getpid()));
    for (const char* name : {"index.php", "blog/index.php", "x.php", "up/a.jpg", "empty/readme.txt",
                             ".git/x.php", "caf\xc3\xa9.php", "dir.php/style.css"})
      make(name);
    rules_ = {.root = root_.string(), .suffixes = {".php"}, .index = {"index.html", "index.php"}};
    rules_.executable = Executable::kNeedNotBe;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void make(const std::string& name) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << "text";
  }

  // "/x.php|/info", or the status.
  std::string find(std::string_view path) {
    base::Arena arena(block_);
    ScriptLookup lookup(loop_, offload_, rules_);
    std::string first;
    for (int again = 0; again < 2; ++again) {
      Script script;
      loop_.root().spawn(
          [](ScriptLookup& its, std::string_view it, base::Arena& memory, Script& found) -> loop::Task<void> {
            found = co_await its.find(it, memory);
          }(lookup, path, arena, script));
      std::string text = script.status != 0
                             ? std::to_string(script.status)
                             : std::string(script.name) + "|" + std::string(path.substr(script.path_info));
      if (again == 0) first = text;
      EXPECT_EQ(text, first) << "the second time";
    }
    return first;
  }

  std::filesystem::path root_;
  ScriptRules rules_;
  std::array<std::byte, 4096> block_;
  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  loop::Offload offload_{0, 16};
};

TEST_F(ScriptLookupTest, TheFirstFileDecides) {
  EXPECT_EQ(find("/x.php"), "/x.php|");
  EXPECT_EQ(find("/x.php/"), "/x.php|/");
  EXPECT_EQ(find("/x.php/a/b.php"), "/x.php|/a/b.php");
  EXPECT_EQ(find("/x.php/\n"), "/x.php|/\n");
  EXPECT_EQ(find("/caf\xc3\xa9.php/\xe2\x84\xaa"), "/caf\xc3\xa9.php|/\xe2\x84\xaa");
  EXPECT_EQ(find("/up/a.jpg/x.php"), "404");
  EXPECT_EQ(find("/up/a.jpg"), "404");
  EXPECT_EQ(find("/no.php"), "404");
  EXPECT_EQ(find("/.git/x.php"), "404");
  EXPECT_EQ(find("/dir.php/style.css"), "404");
}

TEST_F(ScriptLookupTest, ADirectoryMeansItsIndex) {
  EXPECT_EQ(find("/"), "/index.php|");
  EXPECT_EQ(find("/blog/"), "/blog/index.php|");
  EXPECT_EQ(find("/blog"), "301");
  EXPECT_EQ(find(""), "301");
  EXPECT_EQ(find("/empty/"), "403");
  EXPECT_EQ(find("/empty"), "403");
}

TEST_F(ScriptLookupTest, WhatIsNothingMeansTheFallback) {
  rules_.fallback = "/index.php";
  for (const char* path : {"/2026/11/hello/", "/up/a.jpg/x.php", "/empty/", "/no.php", "/.git/x.php"})
    EXPECT_EQ(find(path), "/index.php|") << path;
  EXPECT_EQ(find("/blog/"), "/blog/index.php|");
  EXPECT_EQ(find("/x.php/a"), "/x.php|/a");
  rules_.fallback = "/gone.php";
  EXPECT_EQ(find("/2026"), "404");
  rules_.fallback = "/up/a.jpg";
  EXPECT_EQ(find("/2026"), "404");
}

TEST_F(ScriptLookupTest, LinksDoNotLeadOut) {
  std::filesystem::create_symlink("/etc/hostname", root_ / "out.php");
  std::filesystem::create_symlink("x.php", root_ / "inside.php");
  rules_.fallback = "/index.php";
  EXPECT_EQ(find("/out.php"), "403");
  EXPECT_EQ(find("/inside.php"), "/inside.php|");
}

TEST_F(ScriptLookupTest, ProgramsMustBeExecutable) {
  rules_.executable = Executable::kMustBe;
  EXPECT_EQ(find("/x.php"), "403");
  ::chmod((root_ / "x.php").c_str(), 0755);
  EXPECT_EQ(find("/x.php/i"), "/x.php|/i");
  rules_.suffixes.clear();
  EXPECT_EQ(find("/x.php/i"), "/x.php|/i");
}

}  // namespace
}  // namespace remuda::gateway
