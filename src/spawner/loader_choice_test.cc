// SPDX-License-Identifier: Apache-2.0
//
// Which command a program's first line, or its ELF header, leads to; and what is left to exec.
#include "spawner/loader_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "spawner/elf_file.h"

namespace remuda::spawner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LoaderChoice : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("remuda-loader-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_ / "python");
    std::filesystem::create_directories(directory_ / "perl");
    for (const char* const name : {"python/remuda_cgi.py", "perl/remuda_cgi.pl", "libremuda_preload.so"})
      std::ofstream(directory_ / name) << "x";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& text) {
    std::ofstream(directory_ / "program") << text;
    return directory_ / "program";
  }
  LoaderCommand choose(const std::string& text) {
    return choose_loader(file(text), directory_, "relative:/usr/bin:/bin");
  }

  std::filesystem::path directory_;
};

TEST_F(LoaderChoice, PythonAndPerlHaveLoadersOfTheirOwn) {
  const std::string program = directory_ / "program";
  const std::string python = directory_ / "python/remuda_cgi.py";
  EXPECT_THAT(choose("#!/usr/bin/python3\n").arguments, ElementsAre("/usr/bin/python3", python, program));
  EXPECT_THAT(choose("#! /usr/bin/python3.11 -u -O \n").arguments,
              ElementsAre("/usr/bin/python3.11", "-u -O", python, program));
  const LoaderCommand perl = choose("#!/usr/bin/perl -T\n");
  EXPECT_EQ(perl.path, "/usr/bin/perl");
  EXPECT_THAT(perl.arguments, ElementsAre("/usr/bin/perl", "-T", directory_ / "perl/remuda_cgi.pl", program));
  EXPECT_TRUE(perl.preload.empty());
}

TEST_F(LoaderChoice, EnvMeansWhatItFinds) {
  const std::string program = directory_ / "program";
  EXPECT_EQ(choose("#!/usr/bin/env perl\n").path, "/usr/bin/perl");
  const LoaderCommand shell = choose("#!/usr/bin/env -S sh -e\n");
  EXPECT_EQ(shell.path, "/usr/bin/sh");
  EXPECT_THAT(shell.arguments, ElementsAre("sh", "-e", program));
  // Two words are one name without -S: env fails, as it does under exec.
  EXPECT_EQ(choose("#!/usr/bin/env perl -w\n").path, "/usr/bin/env");
  EXPECT_EQ(choose("#!/usr/bin/env -S A=1 perl\n").path, "/usr/bin/env");
  EXPECT_EQ(choose("#!/usr/bin/env no-such-interpreter\n").path, "/usr/bin/env");
}

TEST_F(LoaderChoice, OthersAreStoppedBeforeMain) {
  const LoaderCommand shell = choose("#!/bin/sh\n");
  EXPECT_EQ(shell.why_not, "");
  EXPECT_EQ(shell.preload, directory_ / "libremuda_preload.so");
  EXPECT_THAT(shell.arguments, ElementsAre("/bin/sh", directory_ / "program"));
  const LoaderCommand binary = choose_loader("/bin/true", directory_, "");
  EXPECT_THAT(binary.arguments, ElementsAre("/bin/true"));
  EXPECT_EQ(binary.why_not, "");
}

TEST_F(LoaderChoice, SomeAreLeftToExec) {
  EXPECT_THAT(choose("no program at all").why_not, HasSubstr("is not linked dynamically"));
  EXPECT_THAT(choose("#!" + file("#!/bin/sh\n") + "\n").why_not, HasSubstr("is a script that runs scripts"));
  EXPECT_THAT(choose("#!/no/such/interpreter\n").why_not, HasSubstr("cannot be looked at"));
  const std::string copy = directory_ / "copy";
  std::filesystem::copy_file("/bin/true", copy);
  EXPECT_EQ(choose_loader(copy, directory_, "").why_not, "");
  chmod(copy.c_str(), 04755);
  EXPECT_THAT(choose_loader(copy, directory_, "").why_not, HasSubstr("setuid"));
  std::filesystem::remove(directory_ / "libremuda_preload.so");
  EXPECT_THAT(choose("#!/bin/sh\n").why_not, HasSubstr("libremuda_preload.so is not there"));
}

TEST_F(LoaderChoice, AFileIsKnownAgain) {
  const std::string path = file("one");
  const FileIdentity first = identity_of(path.c_str());
  EXPECT_EQ(first, identity_of(path.c_str()));
  EXPECT_FALSE(first == identity_of(file("three").c_str()));
  EXPECT_EQ(identity_of("/no/such/file"), FileIdentity{});
}

TEST(ScriptLine, IsTakenApartAsTheKernelDoes) {
  EXPECT_EQ(script_line("#!/bin/sh\n").interpreter, "/bin/sh");
  EXPECT_EQ(script_line("#!/bin/sh\r\n").interpreter, "/bin/sh\r");
  EXPECT_EQ(script_line("#! \t/bin/sh  -e -u  \nmore").argument, "-e -u");
  EXPECT_EQ(script_line("#!").interpreter, "");
  EXPECT_EQ(script_line("#!   \n").interpreter, "");
  EXPECT_EQ(script_line("echo").interpreter, "");
}

}  // namespace
}  // namespace remuda::spawner
