// SPDX-License-Identifier: Apache-2.0
//
// Which application is meant.
#include "cli/advise/question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/fake_file.h"

namespace remuda::cli::advise {
namespace {

using testing::HasSubstr;

constexpr std::string_view kFile = R"(
[[route]]
path = "/files/"
files = "public"
[[route]]
host = "*.example.org"
path = "/named/"
app = "named"
[[route]]
path = "/cgi/*.cgi"
app = "pattern"
[[route]]
path = "=/one"
app = "exact"
[[route]]
path = "/form/"
method = ["POST"]
app = "form"
[app.named]
program = "/site/hello"
[app.pattern]
program = "/site/hello"
[app.exact]
program = "/site/hello"
[app.form]
program = "/site/hello"
)";

class Asked : public testing::Test {
 protected:
  std::string app(const std::string& asked, const std::string& path = {}) {
    const auto question = find_question(config_, asked, path);
    if (!question) return "error: " + question.error();
    return config_.apps[question->app].name + " " + question->host + " " + question->target;
  }
  const config::Config config_ = config::good(kFile);
};

TEST_F(Asked, ByUrl) {
  EXPECT_EQ(app("/one?a=%20b"), "exact 127.0.0.1 /one?a=%20b");
  EXPECT_EQ(app("http://www.example.org/named/x"), "named www.example.org /named/x");
  EXPECT_EQ(app("/cgi/a.cgi"), "pattern 127.0.0.1 /cgi/a.cgi");
}

TEST_F(Asked, ByName) {
  EXPECT_EQ(app("exact"), "exact 127.0.0.1 /one");
  EXPECT_EQ(app("named"), "named any.example.org /named/");
  EXPECT_EQ(app("named", "/named/y?z"), "named any.example.org /named/y?z");
  EXPECT_EQ(app("pattern", "/cgi/b.cgi"), "pattern 127.0.0.1 /cgi/b.cgi");
}

TEST_F(Asked, WhatLeadsNowhere) {
  EXPECT_EQ(app("exakt"), "error: there is no application exakt; did you mean \"exact\"?");
  EXPECT_THAT(app("/files/a"), HasSubstr("no application answers /files/a: files of /site/public"));
  EXPECT_EQ(app("/nothing"), "error: no route answers GET /nothing; remuda explain says why");
  EXPECT_THAT(app("/form/"), HasSubstr("no route answers GET /form/"));
  EXPECT_THAT(app("form"), HasSubstr("does not lead to application form by GET"));
  EXPECT_THAT(app("pattern"), HasSubstr("say one that does, with --path"));
  EXPECT_THAT(app("exact", "/two"), HasSubstr("/two does not lead to application exact"));
  EXPECT_THAT(app("exact", "two"), HasSubstr("a path begins with"));
  EXPECT_THAT(app("/one", "/two"), HasSubstr("a URL has its own"));
}

}  // namespace
}  // namespace remuda::cli::advise
