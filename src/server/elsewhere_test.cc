// SPDX-License-Identifier: Apache-2.0
//
// Content that is elsewhere: files before an application, files that it names, places inside that it points
// at. Real files, an application that is a function of the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "content/file_cache.h"
#include "content/testing/site.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"
#include "server/files_first.h"
#include "server/request_steps.h"

namespace remuda::server {
namespace {

using content::testing::TemporaryDirectory;
using http::KnownName;
using http::testing::FakeExchange;
using ::testing::HasSubstr;

class Answers final : public http::Handler {
 public:
  explicit Answers(std::function<void(http::Exchange&)>& answer) : answer_(answer) {}
  loop::Task<void> handle(http::Exchange& exchange) override {
    answer_(exchange);
    co_return;
  }

 private:
  std::function<void(http::Exchange&)>& answer_;
};

// "/inside/" is internal, "/app/" and everything else is the application's, before which stand files.
class ElsewhereTest : public ::testing::Test {
 protected:
  ElsewhereTest() {
    app_ = [](http::Exchange& exchange) {
      exchange.response.status = 200;
      exchange.response.content = http::MemoryContent{"application"};
    };
    directory_.write("style.css", "style");
    directory_.write("x.php", "<? secret ?>");
    directory_.write("docs/index.html", "docs");
    directory_.write("empty/note", "note");
    directory_.write("big.bin", std::string(5000, 'b'));
    directory_.link("out", "/etc/hostname");
  }

  std::unique_ptr<content::FileHandler> files(content::FileOptions options = {}) {
    options.root = directory_.path();
    auto site = content::FileSite::open(std::move(options), types_, 1000);
    CHECK(site.has_value());
    return std::make_unique<content::FileHandler>(*site, cache_, offload_, pages_);
  }
  std::vector<Destination> destinations() {
    std::vector<Destination> made;
    made.push_back({files({.prefix = "/inside/"}), "files", 1000});
    std::vector<NamedFiles::Root> roots;
    roots.push_back({"app", directory_.path() + "/", files({.index = {}})});
    roots.push_back({"guard", "/srv/guard", files({.index = {}})});
    made.push_back(
        {std::make_unique<Answers>(app_), "app", 1000, std::make_unique<NamedFiles>(std::move(roots))});
    made.push_back(
        {std::make_unique<FilesFirst>(files(), std::make_unique<Answers>(app_), ScriptNames{{".php"}, true}),
         "app", 1000});
    return made;
  }
  static std::vector<config::Route> routes() {
    std::vector<config::Route> made(3);
    made[0].path = "/inside/";
    made[0].internal = true;
    made[1].path = "/app/";
    made[2].path = "/";
    return made;
  }

  // "200 content", of the whole server.
  std::string ask(std::string_view method, std::string_view target) {
    FakeExchange exchange(loop_, method, target);
    return ask(exchange);
  }
  std::string ask(FakeExchange& exchange) {
    exchange.run(steps_);
    trouble_ = exchange.trouble;
    std::string text = std::to_string(exchange.response.status);
    if (exchange.response.status < 300) text += " " + exchange.content();
    return text;
  }

  TemporaryDirectory directory_;
  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  loop::Offload offload_{0, 16};
  std::shared_ptr<const content::MimeTypes> types_ = content::MimeTypes::load();
  content::ErrorPages pages_;
  content::FileCache cache_{loop_, {}};
  std::function<void(http::Exchange&)> app_;
  std::unique_ptr<base::Log> log_ = base::Log::into([](std::string_view) {});
  Router router_{routes()};
  Gate gate_{loop_, 10};
  RequestSteps steps_{router_, destinations(), pages_, gate_, *log_, nullptr, 7};
  std::string trouble_;
};

// --- files first -------------------------------------------------------------------------------------------

TEST_F(ElsewhereTest, FilesAreServedAndTheRestIsTheApplications) {
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(ask("GET", "/style.css"), "200 style");
    EXPECT_EQ(ask("GET", "/docs/"), "200 docs");
    EXPECT_EQ(ask("GET", "/docs"), "301");
    EXPECT_EQ(ask("GET", "/2026/11/hello"), "200 application");
    EXPECT_EQ(ask("GET", "/empty/"), "200 application");
    EXPECT_EQ(ask("POST", "/style.css"), "200 application");
    EXPECT_EQ(ask("GET", "/.htaccess"), "200 application");
    EXPECT_EQ(ask("GET", "/docs%2Findex.html"), "200 application");
  }
}

TEST_F(ElsewhereTest, TheSourceOfAScriptIsNeverSent) {
  for (const char* target : {"/x.php", "/x.php/info", "/x%2Ephp", "/x.ph%70", "//x.php", "/empty/../x.php",
                             "/x.php?a", "/x.php/style.css"})
    EXPECT_EQ(ask("GET", target), "200 application") << target;
  EXPECT_EQ(FilesFirst::plain_index({"index.php", "index.html", "index.php5"}, {{".php"}, true}),
            (std::vector<std::string>{"index.html", "index.php5"}));
  EXPECT_EQ(FilesFirst::plain_index({"index.html"}, {{}, true}), std::vector<std::string>());
  EXPECT_EQ(FilesFirst::plain_index({"index.html"}, {{}, false}), std::vector<std::string>{"index.html"});
}

TEST_F(ElsewhereTest, WithoutSuffixesEveryFileOfAnApplicationWithARootIsAScript) {
  FilesFirst all(files({.index = {}}), std::make_unique<Answers>(app_), {{}, true});
  FakeExchange exchange(loop_, "GET", "/style.css");
  exchange.run(all);
  EXPECT_EQ(exchange.content(), "application");
  FilesFirst none(files(), std::make_unique<Answers>(app_), {{}, false});
  FakeExchange other(loop_, "GET", "/style.css");
  other.run(none);
  EXPECT_EQ(other.content(), "style");
}

// --- inside ------------------------------------------------------------------------------------------------

TEST_F(ElsewhereTest, InternalRoutesAreReachedFromInsideOnly) {
  EXPECT_EQ(ask("GET", "/inside/style.css"), "404");
  app_ = [](http::Exchange& exchange) {
    exchange.response.status = 200;
    exchange.response.internal_redirect = "/inside/style.css";
  };
  EXPECT_EQ(ask("GET", "/app/x"), "200 style");
  EXPECT_EQ(ask("POST", "/app/x"), "200 style");
}

TEST_F(ElsewhereTest, WhatTheApplicationSaidOfTheContentIsKept) {
  app_ = [](http::Exchange& exchange) {
    exchange.response.status = 200;
    exchange.response.internal_redirect = "/inside/style.css";
    exchange.response.redirect_fields = http::RedirectFields::kKeep;
    exchange.response.fields.add("Content-Type", "text/x-mine");
    exchange.response.fields.add("Content-Disposition", "attachment");
    exchange.response.fields.add("Set-Cookie", "a=1");
    exchange.response.fields.add("Set-Cookie", "b=2");
    exchange.response.fields.add("ETag", "\"not the file's\"");
  };
  FakeExchange exchange(loop_, "GET", "/app/x");
  EXPECT_EQ(ask(exchange), "200 style");
  EXPECT_EQ(exchange.field("Content-Type"), "text/x-mine");
  EXPECT_EQ(exchange.field("Content-Disposition"), "attachment");
  EXPECT_EQ(exchange.field("Set-Cookie"), "a=1, b=2");
  EXPECT_THAT(exchange.field("ETag"), Not(HasSubstr("not the file's")));
  EXPECT_NE(exchange.field("ETag"), "");

  FakeExchange cached(loop_, "GET", "/app/x");
  cached.request.fields.add("If-None-Match", "*");
  EXPECT_EQ(ask(cached), "304");
  EXPECT_EQ(cached.field("Content-Type"), "");

  app_ = [](http::Exchange& its) {
    its.response.status = 200;
    its.response.internal_redirect = "/inside/none";
    its.response.redirect_fields = http::RedirectFields::kKeep;
    its.response.fields.add("Content-Type", "application/pdf");
    its.response.fields.add("Set-Cookie", "a=1");
  };
  FakeExchange missing(loop_, "GET", "/app/x");
  EXPECT_EQ(ask(missing), "404");
  EXPECT_EQ(missing.field("Set-Cookie"), "a=1");
  EXPECT_THAT(missing.field("Content-Type"), HasSubstr("text/plain"));
}

TEST_F(ElsewhereTest, AHeadStaysOne) {
  app_ = [](http::Exchange& exchange) {
    exchange.response.status = 302;
    exchange.response.internal_redirect = "/inside/style.css";
  };
  FakeExchange exchange(loop_, "HEAD", "/app/x");
  ask(exchange);
  EXPECT_EQ(exchange.request.method, "HEAD");
}

// --- files by name -----------------------------------------------------------------------------------------

class NamedFilesTest : public ElsewhereTest {
 protected:
  void name(std::string file, std::string_view app = "app") {
    app_ = [file, app](http::Exchange& exchange) {
      exchange.response.status = 200;
      exchange.response.redirect_fields = http::RedirectFields::kKeep;
      exchange.response.fields.add("Content-Type", "text/x-mine");
      exchange.response.file = exchange.arena.copy(file);
      exchange.response.file_of = app;
    };
  }
};

TEST_F(NamedFilesTest, BelowTheRootOnly) {
  const std::string root = directory_.path();
  name(root + "/style.css");
  EXPECT_EQ(ask("GET", "/app/x"), "200 style");
  directory_.write("a %41?#b", "odd");
  name(root + "/a %41?#b");
  EXPECT_EQ(ask("GET", "/app/x"), "200 odd");
  for (const std::string& each : {root + "/none", root + "/docs", root + "/docs/"}) {
    name(each);
    const std::string got = ask("GET", "/app/x");
    EXPECT_TRUE(got == "404" || got == "403") << each << got;
  }
  name(root + "/out");
  EXPECT_NE(ask("GET", "/app/x").substr(0, 3), "200");
  for (const std::string& each :
       {std::string("/etc/hostname"), root + "/../x", root + "x/style.css", root, root + "/./style.css"}) {
    name(each);
    EXPECT_EQ(ask("GET", "/app/x"), "502") << each;
    EXPECT_THAT(trouble_, HasSubstr("may not send"));
  }
}

TEST_F(NamedFilesTest, BelowTheRootsOfWhoNamesItOnly) {
  for (const std::string_view app : {"guard", "another", ""}) {
    name(directory_.path() + "/style.css", app);
    EXPECT_EQ(ask("GET", "/app/x"), "502") << app;
  }
  name("/srv/guard/style.css", "guard");
  EXPECT_EQ(ask("GET", "/app/x"), "200 style");
  name("/srv/guard/style.css");
  EXPECT_EQ(ask("GET", "/app/x"), "502");
}

TEST_F(NamedFilesTest, NothingWithoutRoots) {
  name("/etc/hostname");
  FakeExchange exchange(loop_, "POST", "/elsewhere");
  EXPECT_EQ(ask(exchange), "502");
  EXPECT_THAT(exchange.field("Content-Type"), HasSubstr("text/plain"));
}

TEST_F(NamedFilesTest, RangesConditionsAndMethods) {
  name(directory_.path() + "/big.bin");
  FakeExchange range(loop_, "GET", "/app/x?y");
  range.request.fields.add("Range", "bytes=10-12");
  EXPECT_EQ(ask(range), "206 bbb");
  EXPECT_EQ(range.field("Content-Range"), "bytes 10-12/5000");
  EXPECT_EQ(range.field("Content-Type"), "text/x-mine");
  EXPECT_EQ(range.request.raw_path, "/app/x");
  EXPECT_TRUE(range.request.has_query);
  FakeExchange post(loop_, "POST", "/app/x");
  post.request.fields.add("Range", "bytes=10-12");
  post.request.fields.add("If-None-Match", "*");
  EXPECT_EQ(ask(post), "200 " + std::string(5000, 'b'));
  EXPECT_EQ(post.request.method, "POST");
}

}  // namespace
}  // namespace remuda::server
