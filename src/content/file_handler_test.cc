// SPDX-License-Identifier: Apache-2.0
//
// What a client sees of files: methods (RFC 9110 section 9), directories, and the paths by which others have
// lost files. What is sent of a file is in representations_test.cc.
#include "content/file_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "content/testing/site.h"

namespace remuda::content {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TemporarySite;

constexpr const char* kModified = "Sun, 13 Sep 2020 12:26:40 GMT";  // of files that a test writes

FileOptions with(void (*change)(FileOptions&)) {
  FileOptions options;
  change(options);
  return options;
}

TEST(Files, GetAndHead) {
  TemporarySite site;
  site.directory.write("a.txt", "hello");
  auto& got = site.get("/a.txt");
  EXPECT_EQ(got.response.status, 200);
  EXPECT_EQ(got.content(), "hello");
  EXPECT_EQ(got.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(got.field("Last-Modified"), kModified);
  EXPECT_EQ(got.field("Accept-Ranges"), "bytes");
  EXPECT_EQ(got.field("Vary"), "");
  EXPECT_EQ(got.field("Cache-Control"), "");
  EXPECT_THAT(got.field("ETag"), StartsWith("\""));
  EXPECT_EQ(got.handled_by, "files");
  // Same head; the driver leaves the content out.
  auto& head = site.request("HEAD", "/a.txt");
  EXPECT_EQ(head.response.status, 200);
  EXPECT_EQ(head.response.prepared_fields, got.response.prepared_fields);
  EXPECT_EQ(head.content().size(), 5U);
}

TEST(Files, OtherMethods) {
  TemporarySite site;
  site.directory.write("a.txt", "hello");
  for (const char* method : {"POST", "PUT", "DELETE", "PROPFIND", "get", "TRACE", "CONNECT"}) {
    auto& got = site.request(method, "/a.txt");
    EXPECT_EQ(got.response.status, 405) << method;
    EXPECT_EQ(got.field("Allow"), "GET, HEAD, OPTIONS");
  }
  auto& options = site.request("OPTIONS", "/a.txt");
  EXPECT_EQ(options.response.status, 204);
  EXPECT_EQ(options.field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options.content(), "");
  EXPECT_EQ(site.get("*").response.status, 400);
}

TEST(Files, LargeOnesAreSentFromTheFile) {
  TemporarySite site;
  const std::string large(5000, 'x');
  site.directory.write("large.bin", large);
  auto& got = site.get("/large.bin");
  ASSERT_TRUE(std::holds_alternative<http::FileContent>(got.response.content));
  EXPECT_EQ(got.content(), large);
  const auto& file = std::get<http::FileContent>(got.response.content);
  ASSERT_NE(file.warmer, nullptr);
  EXPECT_TRUE(file.warmer->is_warm(file.fd, 0, 5000));
  EXPECT_EQ(site.cache().descriptors(), 1U);
}

TEST(Files, EmptyFile) {
  TemporarySite site;
  site.directory.write("empty", "");
  EXPECT_EQ(site.get("/empty").response.status, 200);
  EXPECT_EQ(site.get("/empty", {{"Range", "bytes=0-"}}).response.status, 200);
  EXPECT_EQ(site.get("/empty", {{"Range", "bytes=-1"}}).response.status, 200);
  EXPECT_EQ(site.get("/empty").content(), "");
  EXPECT_EQ(site.get("/empty").field("Content-Type"), "application/octet-stream");
}

// --- paths

TEST(FilePaths, DecodedOnce) {
  TemporarySite site;
  site.directory.write("a b.txt", "space");
  site.directory.write("50%.txt", "percent");
  site.directory.write("%2e%2e", "literal");
  site.directory.write("q?x", "question");
  site.directory.write("back\\slash", "backslash");
  site.directory.write("dot.", "dot");
  site.directory.write("d/x", "x");
  site.directory.write("trailing ", "trailing space");
  site.directory.write("stream::$DATA", "data");
  EXPECT_EQ(site.get("/a%20b.txt").content(), "space");
  EXPECT_EQ(site.get("/50%25.txt").content(), "percent");
  EXPECT_EQ(site.get("/%252e%252e").content(), "literal");
  EXPECT_EQ(site.get("/q%3fx").content(), "question");
  EXPECT_EQ(site.get("/q?x").response.status, 404);
  EXPECT_EQ(site.get("/back\\slash").content(), "backslash");
  EXPECT_EQ(site.get("/..\\d\\x").response.status, 404);
  EXPECT_EQ(site.get("/dot.").content(), "dot");
  EXPECT_EQ(site.get("/dot").response.status, 404);
  EXPECT_EQ(site.get("/trailing%20").content(), "trailing space");
  EXPECT_EQ(site.get("/stream::$DATA").content(), "data");
  EXPECT_EQ(site.get("/stream").response.status, 404);
  EXPECT_EQ(site.get("/d/./x").content(), "x");
  EXPECT_EQ(site.get("/d/../d//x").content(), "x");
  EXPECT_EQ(site.get("/a.txt%00.php").response.status, 400);
  EXPECT_EQ(site.get("/%zz").response.status, 400);
  EXPECT_EQ(site.get("/d%2fx").response.status, 404);
  // One entry for each file, however the path was spelled.
  EXPECT_EQ(site.cache().entries(), 9U);
}

// A name that looks encoded is not found by the raw path that spells another name.
TEST(FilePaths, TheHotPathDecodesToo) {
  TemporarySite site;
  site.directory.write("a%20b", "literal");
  site.directory.write("a b", "space");
  EXPECT_EQ(site.get("/a%2520b").content(), "literal");
  EXPECT_EQ(site.get("/a%20b").content(), "space");
  EXPECT_EQ(site.get("/a%2520b").content(), "literal");
}

TEST(FilePaths, NeverAboveTheRoot) {
  TemporarySite site(with([](FileOptions& options) { options.prefix = "/static/"; }));
  site.directory.write("a.txt", "hello");
  EXPECT_EQ(site.get("/static/a.txt").content(), "hello");
  EXPECT_EQ(site.get("/st%61tic/a.txt").content(), "hello");
  for (const char* path :
       {"/static../etc/passwd", "/static/../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/.%2e/%2e%2e/etc/passwd", "/a.txt", "/", "/static/..%2f..%2fetc/passwd",
        "/static/%%32%65%%32%65/etc/passwd", "/static/%c0%ae%c0%ae/etc/passwd", "/../etc/passwd",
        "/static/..;/etc/passwd", "/staticX/a.txt"}) {
    auto& got = site.get(path);
    EXPECT_TRUE(got.response.status == 404 || got.response.status == 400) << path;
  }
  EXPECT_EQ(site.get("/static").response.status, 301);
  EXPECT_EQ(site.get("/static?q").field("Location"), "/static/?q");
}

TEST(FilePaths, LongNames) {
  TemporarySite site;
  const std::string longest(255, 'n');
  site.directory.write(longest, "long");
  EXPECT_EQ(site.get("/" + longest).content(), "long");
  EXPECT_EQ(site.get("/" + longest + "n").response.status, 404);
  EXPECT_EQ(site.get("/" + std::string(4096, 'n')).response.status, 404);
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "/d";
  EXPECT_EQ(site.get(deep).response.status, 404);
}

TEST(FilePaths, Dotfiles) {
  TemporarySite site;
  site.directory.write(".secret", "x");
  site.directory.write(".git/config", "x");
  site.directory.write("d/.hidden/x", "x");
  site.directory.write(".well-known/acme", "token");
  site.directory.write(".well-known/.secret", "x");
  site.directory.write("d/.well-known/x", "x");
  site.directory.write("...", "x");
  for (const char* path : {"/.secret", "/.git/config", "/d/.hidden/x", "/%2esecret", "/.well-known/.secret",
                           "/d/.well-known/x", "/...", "/.git", "/.git/"}) {
    EXPECT_EQ(site.get(path).response.status, 404) << path;
  }
  EXPECT_EQ(site.get("/.well-known/acme").content(), "token");
  site.serve(with([](FileOptions& options) { options.dotfiles = Dotfiles::kServe; }));
  EXPECT_EQ(site.get("/.git/config").content(), "x");
  EXPECT_EQ(site.get("/...").content(), "x");
}

TEST(FilePaths, OnlyRegularFiles) {
  for (const Resolution resolution : {Resolution::kKernel, Resolution::kByHand}) {
    TemporarySite site;
    FileOptions options;
    options.resolution = resolution;
    site.serve(options);
    ASSERT_EQ(::mkfifo(site.directory.at("fifo").c_str(), 0600), 0);
    sockaddr_un address{.sun_family = AF_UNIX};
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", site.directory.at("socket").c_str());
    const base::Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    site.directory.link("device", "/dev/zero");
    site.directory.link("dangling", "nothing");
    site.directory.link("loop", "loop");
    site.directory.link("passwd", "/etc/passwd");
    site.directory.link("up", "..");
    site.directory.write("file", "x");
    site.directory.link("inside", "file");
    EXPECT_EQ(site.get("/fifo").response.status, 403);
    EXPECT_EQ(site.get("/socket").response.status, 403);
    EXPECT_EQ(site.get("/device").response.status, 404);
    EXPECT_EQ(site.get("/dangling").response.status, 404);
    EXPECT_EQ(site.get("/loop").response.status, 404);
    EXPECT_EQ(site.get("/passwd").response.status, 404);
    EXPECT_EQ(site.get("/up/").response.status, 404);
    EXPECT_EQ(site.get("/file/").response.status, 404);
    EXPECT_EQ(site.get("/file/x").response.status, 404);
    EXPECT_EQ(site.get("/inside").content(), "x");
    EXPECT_EQ(site.cache().entries(), 1U);
  }
}

TEST(FilePaths, Unreadable) {
  TemporarySite site;
  site.directory.write("unreadable", "x");
  site.directory.write("closed/x", "x");
  ASSERT_EQ(::chmod(site.directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(site.directory.at("unreadable").c_str(), 0), 0);
  ASSERT_EQ(::chmod(site.directory.at("closed").c_str(), 0), 0);
  // Root reads everything, so it is nobody meanwhile.
  constexpr uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;
  if (root) ASSERT_EQ(::seteuid(kNobody), 0);
  EXPECT_EQ(site.get("/unreadable").response.status, 403);
  EXPECT_EQ(site.get("/closed/x").response.status, 403);
  EXPECT_EQ(site.get("/closed/").response.status, 403);
  if (root) ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(::chmod(site.directory.at("closed").c_str(), 0700), 0);
}

// --- directories

TEST(Directories, RedirectAndIndex) {
  TemporarySite site;
  site.directory.write("d/index.html", "index");
  site.directory.write("a b\r\nX: y/index.html", "odd");
  site.directory.write("evil.test/x", "x");
  auto& got = site.get("/d?a=b&c");
  EXPECT_EQ(got.response.status, 301);
  EXPECT_EQ(got.field("Location"), "/d/?a=b&c");
  EXPECT_EQ(site.get("/d/").content(), "index");
  EXPECT_EQ(site.get("/d/").field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(site.get("/d/index.html").content(), "index");
  EXPECT_EQ(site.get("/a%20b%0d%0aX:%20y").field("Location"), "/a%20b%0D%0AX:%20y/");
  // Never another host.
  EXPECT_EQ(site.get("//evil.test").field("Location"), "/evil.test/");
  EXPECT_EQ(site.get("///evil.test/../evil.test").field("Location"), "/evil.test/");
  EXPECT_EQ(site.get("/./%5cevil.test").response.status, 404);
  EXPECT_EQ(site.get("/").response.status, 403);  // no index, no listing
  EXPECT_EQ(site.get("/nothing/").response.status, 404);
}

TEST(Directories, SeveralIndexNames) {
  TemporarySite site(with([](FileOptions& options) { options.index = {"home.htm", "index.txt"}; }));
  site.directory.write("index.txt", "second");
  EXPECT_EQ(site.get("/").content(), "second");
  site.directory.write("home.htm", "first");
  site.advance(std::chrono::seconds(2));
  EXPECT_EQ(site.get("/").content(), "first");
}

TEST(Directories, ListingHtml) {
  TemporarySite site(with([](FileOptions& options) { options.listing = Listing::kHtml; }));
  site.directory.write("d/<b>&\"'.txt", "12345");
  site.directory.write("d/javascript:alert(1)", "");
  site.directory.write("d/sub/x", "");
  site.directory.write("d/.hidden", "");
  site.directory.write("d/big", std::string(3000, 'x'));
  site.directory.link("d/out", "/etc/passwd");
  site.directory.link("d/in", "big");
  ASSERT_EQ(::mkfifo(site.directory.at("d/fifo").c_str(), 0600), 0);
  auto& got = site.get("/d/", {{"Accept", "application/json"}});
  const std::string page = got.content();
  EXPECT_EQ(got.response.status, 200);
  EXPECT_EQ(got.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(page, HasSubstr("<a href=\"./%3Cb%3E&amp;%22&#39;.txt\">&lt;b&gt;&amp;&quot;&#39;.txt</a>"));
  EXPECT_THAT(page, HasSubstr("href=\"./javascript:alert(1)\""));
  EXPECT_THAT(page, HasSubstr("href=\"./sub/\">sub/<"));
  EXPECT_THAT(page, HasSubstr(">5 B<"));
  EXPECT_THAT(page, HasSubstr(">2.9 KiB<"));
  EXPECT_THAT(page, HasSubstr("2020-09-13 12:26"));
  EXPECT_THAT(page, HasSubstr("href=\"../\""));
  EXPECT_THAT(page, HasSubstr(">in<"));
  for (const char* hidden : {".hidden", "fifo", ">out<", "<b>&"}) EXPECT_THAT(page, Not(HasSubstr(hidden)));
  EXPECT_LT(page.find("sub/"), page.find("big"));
  EXPECT_THAT(site.get("/").content(), Not(HasSubstr("href=\"../\"")));
}

TEST(Directories, ListingJsonAndAuto) {
  TemporarySite site(with([](FileOptions& options) { options.listing = Listing::kAuto; }));
  site.directory.write("d/a\"b.txt", "12345");
  site.directory.write("d/\xff", "");
  site.directory.make_directory("d/sub");
  site.directory.set_modified("d/sub", 1'600'000'000);
  auto& got = site.get("/d/", {{"Accept", "application/json"}});
  EXPECT_EQ(got.field("Content-Type"), "application/json");
  EXPECT_EQ(got.field("Vary"), "Accept");
  const std::string page = got.content();
  EXPECT_THAT(
      page,
      HasSubstr("\"name\": \"sub\",\n  \"type\": \"directory\",\n  \"modified\": \"2020-09-13T12:26:40Z\""));
  EXPECT_THAT(page, HasSubstr("\"name\": \"a\\\"b.txt\",\n  \"type\": \"file\",\n  \"size\": 5"));
  EXPECT_THAT(site.get("/d/").content(), HasSubstr("<!doctype html>"));
}

TEST(Directories, Fallback) {
  TemporarySite site(with([](FileOptions& options) { options.fallback = "/app/index.html"; }));
  site.directory.write("app/index.html", "app");
  site.directory.write("real.txt", "real");
  site.directory.make_directory("bare");
  EXPECT_EQ(site.get("/deep/link").content(), "app");
  EXPECT_EQ(site.get("/deep/link").response.status, 200);
  EXPECT_EQ(site.get("/real.txt").content(), "real");
  EXPECT_EQ(site.get("/bare/").content(), "app");
  EXPECT_EQ(site.get("/.env").response.status, 404);
  EXPECT_EQ(site.request("POST", "/deep/link").response.status, 405);
  // However many paths are asked for, the cache has one entry for them.
  const size_t entries = site.cache().entries();
  for (int i = 0; i < 50; ++i) site.get("/deep/" + std::to_string(i));
  EXPECT_EQ(site.cache().entries(), entries);
}

}  // namespace
}  // namespace remuda::content
