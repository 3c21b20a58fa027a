// SPDX-License-Identifier: Apache-2.0
//
// Types by name, from each source and by their order.
#include "content/mime_types.h"

#include <gtest/gtest.h>

#include "content/testing/site.h"

namespace remuda::content {
namespace {

TEST(MimeTypes, BuiltInAlone) {
  const auto types = MimeTypes::load("", "/nowhere/at/all");
  EXPECT_EQ(types->of("a/b/index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(types->of("app.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(types->of("X.PNG"), "image/png");
  EXPECT_EQ(types->of("data.json"), "application/json");
  EXPECT_EQ(types->of("font.woff2"), "font/woff2");
  EXPECT_EQ(types->of("a.svg"), "image/svg+xml");
  EXPECT_EQ(types->of("nothing"), "application/octet-stream");
  EXPECT_EQ(types->of("a.unknown-thing"), "application/octet-stream");
  EXPECT_EQ(types->of(".html"), "application/octet-stream");  // hidden, without a suffix
  EXPECT_EQ(types->of("dir.html/file"), "application/octet-stream");
  EXPECT_EQ(types->of(""), "application/octet-stream");
  EXPECT_EQ(types->of("a."), "application/octet-stream");
}

TEST(MimeTypes, Tables) {
  const testing::TemporaryDirectory directory;
  directory.write(
      "globs2",
      "# comment\n50:application/x-compressed-tar:*.tar.gz\n50:text/x-makefile:makefile\n"
      "50:text/x-c++src:*.C:cs\n50:text/x-csrc:*.c\n10:text/x-lower:*.two\n60:text/x-higher:*.two\n"
      "50:application/x-javascript:*.js\n50:text/x-readme:readme*\nnonsense\n50:no-slash:*.q\n"
      "50:application/x-sharedlib:*.so.[0-9]*\n50:evil/a\rb:*.evil\n");
  directory.write("mime.types",
                  "# comment\n\napplication/x-three\t\tthree drei\ntext/x-second two\nimage/none\n");
  const auto types = MimeTypes::load(directory.at("globs2"), directory.at("mime.types"));
  EXPECT_EQ(types->of("a.tar.gz"), "application/x-compressed-tar");
  EXPECT_EQ(types->of("b.gz"), "application/gzip");
  EXPECT_EQ(types->of("Makefile"), "text/x-makefile; charset=utf-8");
  EXPECT_EQ(types->of("a.C"), "text/x-c++src; charset=utf-8");
  EXPECT_EQ(types->of("a.c"), "text/x-csrc; charset=utf-8");
  EXPECT_EQ(types->of("a.two"), "text/x-higher; charset=utf-8");
  EXPECT_EQ(types->of("a.js"), "text/javascript; charset=utf-8");  // built in: what browsers depend on
  EXPECT_EQ(types->of("a.Drei"), "application/x-three");
  EXPECT_EQ(types->of("a.q"), "application/octet-stream");
  EXPECT_EQ(types->of("a.evil"), "application/octet-stream");
}

TEST(MimeTypes, SystemTablesCanBeRead) {
  const auto types = MimeTypes::load();
  EXPECT_GE(types->size(), MimeTypes::load("", "")->size());
  EXPECT_EQ(types->of("a.html"), "text/html; charset=utf-8");
}

}  // namespace
}  // namespace remuda::content
