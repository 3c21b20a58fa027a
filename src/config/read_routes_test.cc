// SPDX-License-Identifier: Apache-2.0
//
// Reading routes: actions, hosts, paths and methods, and the exact text of every mistake, line and column
// included.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/fake_file.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;

std::vector<std::string> route_mistakes(std::string_view lines) {
  return mistakes("[[route]]\n" + std::string(lines));
}

TEST(Routes, HaveExactlyOneAction) {
  EXPECT_THAT(
      route_mistakes("path = \"/\""),
      ElementsAre("r.toml:1:1: route: has no action; one of \"app\", \"files\", \"redirect\", \"respond\""));
  EXPECT_THAT(
      route_mistakes("files = \"public\"\nrespond = 404"),
      ElementsAre("r.toml:3:11: route: has more than one action: \"files\", \"respond\"; keep one, and write "
                  "another [[route]] for the other; app and files may stand together"));
  EXPECT_THAT(route_mistakes("file = \"public\""),
              ElementsAre("r.toml:2:1: route: unknown option \"file\"; did you mean \"files\"?"));
  EXPECT_THAT(route_mistakes("respond = 100"),
              ElementsAre("r.toml:2:11: route.respond: 100 is out of range; from 200 to 599"));
}

TEST(Routes, OptionsBelongToTheirAction) {
  EXPECT_THAT(
      route_mistakes("respond = 404\nlisting = \"html\"\nstatus = 301"),
      ElementsAre("r.toml:3:11: route.listing: means nothing in a route without files; leave it out",
                  "r.toml:4:10: route.status: means nothing in a route without redirect; leave it out"));
}

TEST(Routes, ReferToAnApplication) {
  const std::string app = "[app.git]\nprogram = \"hello\"\n[[route]]\n";
  EXPECT_THAT(mistakes(app + "app = \"gti\""),
              ElementsAre("r.toml:4:7: route.app: there is no application \"gti\"; did you mean \"git\"?"));
  EXPECT_THAT(mistakes(app + "app = \"wiki\""),
              ElementsAre("r.toml:4:7: route.app: there is no application \"wiki\"; add [app.wiki]"));
}

constexpr std::string_view kHelpers = R"(
[app.guard]
type = "fastcgi"
role = "authorizer"
peers = "[::1]:9"
model = "remote"
[app.mark]
type = "fastcgi"
role = "filter"
program = "hello"
[app.php]
type = "fastcgi"
root = "public"
program = "hello"
)";

std::vector<std::string> with_helpers(std::string_view lines) {
  return mistakes(std::string(kHelpers) + "[[route]]\n" + std::string(lines));
}

TEST(Routes, AreGuardedAndFiltered) {
  const Config config =
      good(std::string(kHelpers) +
           "scripts = \".php\"\n[[route]]\nfiles = \"public\"\nauthorize = \"guard\"\nfilter = "
           "\"mark\"\npath = \"/a/\"\n[[route]]\napp = \"php\"\nfiles = \"public\"\ninternal = true\n");
  ASSERT_EQ(config.routes.size(), 2U);
  EXPECT_EQ(config.routes[0].authorize_index, 0U);
  EXPECT_EQ(config.routes[0].filter_index, 1U);
  EXPECT_FALSE(config.routes[0].files_first());
  EXPECT_EQ(config.routes[1].action, Action::kApp);
  EXPECT_EQ(config.routes[1].app_index, 2U);
  EXPECT_TRUE(config.routes[1].files_first());
  EXPECT_TRUE(config.routes[1].internal);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Routes, NameApplicationsOfTheRightRole) {
  EXPECT_THAT(
      with_helpers("app = \"guard\""),
      ElementsAre("r.toml:16:7: route.app: app.guard has role \"authorizer\", not \"responder\"; authorize = "
                  "\"guard\" here, or role = \"responder\" in [app.guard]"));
  EXPECT_THAT(
      with_helpers("app = \"php\"\nauthorize = \"mark\""),
      ElementsAre("r.toml:17:13: route.authorize: app.mark has role \"filter\", not \"authorizer\"; filter = "
                  "\"mark\" here, or role = \"authorizer\" in [app.mark]"));
  EXPECT_THAT(with_helpers("respond = 404\nauthorize = \"gard\""),
              ElementsAre("r.toml:17:13: route.authorize: there is no application \"gard\"; did you mean "
                          "\"guard\"?"));
  EXPECT_THAT(
      with_helpers("app = \"php\"\nfilter = \"mark\""),
      ElementsAre("r.toml:17:10: route.filter: means nothing in a route without files; leave it out"));
}

TEST(Routes, KnowWhichFilesAreScripts) {
  EXPECT_THAT(
      with_helpers("app = \"php\"\nfiles = \"public\""),
      ElementsAre("r.toml:17:9: route.files: app.php does not say which files are scripts: the rest of "
                  "\"/site/public\" would be run; add scripts = [\".php\"] or the like to [app.php]"));
}

TEST(Routes, InternalOnesLeaveClientsToLaterOnes) {
  EXPECT_THAT(mistakes("[[route]]\nrespond = 404\ninternal = true\n[[route]]\nrespond = 410\n"),
              ElementsAre("(none)"));
  EXPECT_THAT(mistakes("[[route]]\nrespond = 404\n[[route]]\nrespond = 410\ninternal = true\n"),
              testing::SizeIs(1));
}

TEST(Routes, NameADirectoryThatCanBeRead) {
  EXPECT_THAT(route_mistakes("files = \"file\""),
              ElementsAre("r.toml:2:9: route.files: \"/site/file\" is not a directory; name its directory"));
  EXPECT_THAT(
      route_mistakes("files = \"secret\""),
      ElementsAre(
          "r.toml:2:9: route.files: this user may not read the directory \"/site/secret\"; see the rights "
          "on the way to it: namei -l /site/secret"));
  FakeMachine root;
  root.root = true;
  EXPECT_THAT(
      mistakes("[server]\nuser = \"www-data\"\n[[route]]\nfiles = \"secret\"", root),
      ElementsAre(
          "r.toml:4:9: route.files: the user \"www-data\" may not read the directory \"/site/secret\"; see "
          "the rights on the way to it: namei -l /site/secret"));
}

TEST(Routes, HaveHostsThatCanMatch) {
  const auto host = [](const std::string& text) {
    return route_mistakes("host = \"" + text + "\"\nrespond = 404");
  };
  EXPECT_THAT(host("example.org:80"),
              ElementsAre("r.toml:2:8: route.host: \"example.org:80\" holds a port; the port is "
                          "the listener's; write the name alone"));
  EXPECT_THAT(host("http://a"),
              ElementsAre("r.toml:2:8: route.host: \"http://a\" is a URL or a path; the host's name alone"));
  EXPECT_THAT(host("a.*.org"),
              ElementsAre("r.toml:2:8: route.host: \"a.*.org\" has \"*\" in the wrong place; "
                          "\"*.example.org\" is every name below example.org"));
  EXPECT_THAT(host("bücher.de"),
              ElementsAre("r.toml:2:8: route.host: \"bücher.de\" is not ASCII; write the form that "
                          "begins with \"xn--\""));
  EXPECT_THAT(host("a b"),
              ElementsAre("r.toml:2:8: route.host: \"a b\" is not a host name; such as \"example.org\""));
  EXPECT_THAT(host("*.Example.org"), ElementsAre("(none)"));
  EXPECT_THAT(host("[::1]"), ElementsAre("(none)"));
}

TEST(Routes, HavePathsThatCanMatch) {
  const auto path = [](const std::string& text) {
    return route_mistakes("path = \"" + text + "\"\nrespond = 404");
  };
  EXPECT_THAT(path("a"),
              ElementsAre("r.toml:2:8: route.path: \"a\" does not begin with \"/\"; write \"/a\""));
  EXPECT_THAT(path("=a"),
              ElementsAre("r.toml:2:8: route.path: \"=a\" does not begin with \"/\"; write \"=/a\""));
  EXPECT_THAT(
      path("=/a*"),
      ElementsAre("r.toml:2:8: route.path: \"=/a*\" is exact and has a \"*\"; leave out one of them"));
  EXPECT_THAT(
      path("/a?b"),
      ElementsAre("r.toml:2:8: route.path: \"/a?b\" holds a query or fragment; routes go by the path alone"));
  EXPECT_THAT(path("/a%20b"),
              ElementsAre("r.toml:2:8: route.path: \"/a%20b\" is percent-encoded; write the decoded path"));
  EXPECT_THAT(path("/a//b"),
              ElementsAre("r.toml:2:8: route.path: \"/a//b\" holds an empty segment; write one \"/\""));
  EXPECT_THAT(
      path("/a/../b"),
      ElementsAre("r.toml:2:8: route.path: \"/a/../b\" holds a dot segment; requests come without them"));
  EXPECT_THAT(path("*.php"), ElementsAre("(none)"));
}

TEST(Routes, HaveMethodsThatCanMatch) {
  const auto method = [](const std::string& text) {
    return route_mistakes("method = \"" + text + "\"\nrespond = 404");
  };
  EXPECT_THAT(method("get"),
              ElementsAre("r.toml:2:10: route.method: \"get\" would never match: methods tell case apart; "
                          "did you mean \"GET\"?"));
  EXPECT_THAT(method("GET POST"),
              ElementsAre("r.toml:2:10: route.method: \"GET POST\" is not a method; such as \"GET\""));
  EXPECT_THAT(method("PROPFIND"), ElementsAre("(none)"));
}

TEST(Routes, FileAndRedirectOptionsAreWellFormed) {
  EXPECT_THAT(
      route_mistakes("files = \"public\"\nindex = \"a/b\"\nfallback = \"index.html\"\ncache_control = \"é\""),
      ElementsAre(
          "r.toml:3:9: route.index: \"a/b\" holds a \"/\"; a name in the directory itself",
          "r.toml:4:12: route.fallback: \"index.html\" does not begin with \"/\"; write \"/index.html\": it "
          "is below the route's directory",
          "r.toml:5:17: route.cache_control: is not ASCII; such as \"max-age=3600\""));
  EXPECT_THAT(route_mistakes("redirect = \"/a b\""),
              ElementsAre("r.toml:2:12: route.redirect: \"/a b\" is not a URL; percent-encode spaces and "
                          "letters that are not ASCII"));
  EXPECT_THAT(route_mistakes("redirect = \"example.org\""),
              ElementsAre("r.toml:2:12: route.redirect: \"example.org\" is not a URL or absolute path; write "
                          "\"https://example.org\" or \"/example.org\""));
}

TEST(Routes, CanBeReached) {
  const auto two = [](std::string_view first, std::string_view second) {
    return mistakes("[[route]]\nrespond = 404\n" + std::string(first) + "\n[[route]]\nrespond = 410\n" +
                    std::string(second));
  };
  const auto unreached = ElementsAre(
      "r.toml:4:1: route: is never reached: the route at r.toml:1 matches everything that "
      "it would; put it before that one");
  EXPECT_THAT(two("", ""), unreached);
  EXPECT_THAT(two("path = \"/a/\"", "path = \"/a/b/\""), unreached);
  EXPECT_THAT(two("host = \"*.a.org\"", "host = [\"x.a.org\", \"*.y.a.org\"]"), unreached);
  EXPECT_THAT(two("method = \"GET\"", "method = \"HEAD\""), unreached);
  EXPECT_THAT(two("path = \"/a/b/\"", "path = \"/a/\""), ElementsAre("(none)"));
  EXPECT_THAT(two("host = \"a.org\"", ""), ElementsAre("(none)"));
  EXPECT_THAT(two("host = \"a.org\"", "host = [\"a.org\", \"b.org\"]"), ElementsAre("(none)"));
  EXPECT_THAT(two("method = \"GET\"", ""), ElementsAre("(none)"));
}

TEST(Routes, NoneIsAWarning) {
  const Config config = good("");
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(
      to_string(config.warnings[0]),
      "r.toml: warning: there is no route: every request gets 404; add [[route]] with files = \"DIRECTORY\"");
}

}  // namespace
}  // namespace remuda::config
