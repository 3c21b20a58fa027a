// SPDX-License-Identifier: Apache-2.0
//
// Which bytes of which representation go out, and whether any: validators, preconditions, ranges and
// compressed siblings (RFC 9110 sections 8.8, 12.5.3, 13 and 14) through the whole handler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/http_date.h"
#include "content/file_handler.h"
#include "content/testing/site.h"

namespace remuda::content {
namespace {

using testing::RequestFields;
using ::testing::StartsWith;
using testing::TemporarySite;

constexpr const char* kModified = "Sun, 13 Sep 2020 12:26:40 GMT";  // of files that a test writes

FileOptions with(void (*change)(FileOptions&)) {
  FileOptions options;
  change(options);
  return options;
}

// --- validators and preconditions

TEST(Validators, TagChangesWithTheContent) {
  TemporarySite site;
  site.directory.write("a.txt", "one");
  const std::string first = site.get("/a.txt").field("ETag");
  site.directory.write("a.txt", "two", 1'600'000'001);
  site.advance(std::chrono::seconds(2));
  EXPECT_NE(site.get("/a.txt").field("ETag"), first);
  EXPECT_EQ(site.get("/a.txt").content(), "two");
}

TEST(Validators, LastModifiedIsNeverInTheFuture) {
  TemporarySite site;
  site.directory.write("a.txt", "one", ::time(nullptr) + 100'000);
  auto& got = site.get("/a.txt");
  const auto date = base::parse_http_date(got.field("Last-Modified"), ::time(nullptr));
  ASSERT_TRUE(date.has_value());
  timespec now;  // time(2) is behind it by some milliseconds
  ASSERT_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
  EXPECT_LE(*date, now.tv_sec);
  EXPECT_GE(*date, now.tv_sec - 2);
}

TEST(Validators, NotModifiedRepeatsTheFields) {
  TemporarySite site(with([](FileOptions& options) { options.cache_control = "max-age=60"; }));
  site.directory.write("a.txt", "hello");
  site.directory.write("a.txt.gz", "zipped");
  auto& plain = site.get("/a.txt");
  auto& got = site.get("/a.txt", {{"If-None-Match", plain.field("ETag")}});
  EXPECT_EQ(got.response.status, 304);
  EXPECT_EQ(got.content(), "");
  for (const char* name : {"ETag", "Cache-Control", "Vary"}) {
    EXPECT_EQ(got.field(name), plain.field(name)) << name;
    EXPECT_NE(got.field(name), "") << name;
  }
  EXPECT_EQ(got.field("Content-Type"), "");
  EXPECT_EQ(site.request("HEAD", "/a.txt", {{"If-None-Match", "*"}}).response.status, 304);
  EXPECT_EQ(site.get("/a.txt", {{"If-Modified-Since", kModified}}).response.status, 304);
  EXPECT_EQ(site.get("/a.txt", {{"If-Modified-Since", "Sun, 13 Sep 2020 12:26:39 GMT"}}).response.status,
            200);
  EXPECT_EQ(
      site.get("/a.txt", {{"If-Modified-Since", kModified}, {"If-None-Match", "\"x\""}}).response.status,
      200);
}

TEST(Validators, PreconditionFailed) {
  TemporarySite site;
  site.directory.write("a.txt", "hello");
  const std::string tag = site.get("/a.txt").field("ETag");
  EXPECT_EQ(site.get("/a.txt", {{"If-Match", "\"x\""}}).response.status, 412);
  EXPECT_EQ(site.get("/a.txt", {{"If-Match", tag}}).response.status, 200);
  EXPECT_EQ(site.get("/a.txt", {{"If-Unmodified-Since", "Sun, 13 Sep 2020 12:26:39 GMT"}}).response.status,
            412);
  // Not evaluated where the plain answer is no success.
  EXPECT_EQ(site.get("/nothing", {{"If-Match", "\"x\""}}).response.status, 404);
  EXPECT_EQ(site.get("/nothing", {{"If-None-Match", "*"}}).response.status, 404);
}

// --- ranges

class FileRanges : public ::testing::TestWithParam<size_t> {
 protected:
  FileRanges() {
    site.serve({}, GetParam());  // in memory, or from a descriptor
    site.directory.write("a.txt", "0123456789");
    tag = site.get("/a.txt").field("ETag");
  }
  TemporarySite site;
  std::string tag;
};

TEST_P(FileRanges, Single) {
  auto& got = site.get("/a.txt", {{"Range", "bytes=2-4"}});
  EXPECT_EQ(got.response.status, 206);
  EXPECT_EQ(got.content(), "234");
  EXPECT_EQ(got.field("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(got.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(got.field("ETag"), tag);
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=-3"}}).content(), "789");
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=7-"}}).content(), "789");
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=8-100"}}).field("Content-Range"), "bytes 8-9/10");
  auto& whole = site.get("/a.txt", {{"Range", "bytes=0-"}});
  EXPECT_EQ(whole.response.status, 206);
  EXPECT_EQ(whole.field("Content-Range"), "bytes 0-9/10");
}

TEST_P(FileRanges, UnsatisfiableAndIgnored) {
  auto& got = site.get("/a.txt", {{"Range", "bytes=10-"}});
  EXPECT_EQ(got.response.status, 416);
  EXPECT_EQ(got.field("Content-Range"), "bytes */10");
  EXPECT_EQ(got.field("ETag"), "");
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=5-2"}}).response.status, 200);
  EXPECT_EQ(site.get("/a.txt", {{"Range", "seconds=1-2"}}).response.status, 200);
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=1-2"}, {"Range", "bytes=3-4"}}).response.status, 200);
  EXPECT_EQ(site.request("HEAD", "/a.txt", {{"Range", "bytes=1-2"}}).response.status, 200);
  // An error does not carry the range on.
  EXPECT_EQ(site.get("/nothing", {{"Range", "bytes=5-2"}}).response.status, 404);
}

TEST_P(FileRanges, Multiple) {
  auto& got = site.get("/a.txt", {{"Range", "bytes=0-1,4-5,-1"}});
  EXPECT_EQ(got.response.status, 206);
  const std::string type = got.field("Content-Type");
  ASSERT_THAT(type, StartsWith("multipart/byteranges; boundary="));
  EXPECT_EQ(got.field("Content-Range"), "");
  const std::string boundary = type.substr(type.find('=') + 1);
  const std::string between =
      "--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ";
  const std::string expected = between + "0-1/10\r\n\r\n01\r\n" + between + "4-5/10\r\n\r\n45\r\n" + between +
                               "9-9/10\r\n\r\n9\r\n--" + boundary + "--\r\n";
  EXPECT_EQ(got.response.length, expected.size());
  EXPECT_EQ(got.content(), expected);
  EXPECT_EQ(got.error, 0);
  // One range is not multipart.
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=0-1,2-3"}}).field("Content-Range"), "bytes 0-3/10");
  // Too many: all of it, once.
  std::string apart = "bytes=0-0";
  for (int i = 0; i < 1300; ++i) apart += ",0-0,2-2,4-4";
  auto& many = site.get("/a.txt", {{"Range", apart}});
  EXPECT_EQ(many.response.status, 206);
  EXPECT_LT(many.content().size(), 600U);
}

TEST_P(FileRanges, IfRange) {
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=0-1"}, {"If-Range", tag}}).response.status, 206);
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=0-1"}, {"If-Range", "\"x\""}}).response.status, 200);
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=0-1"}, {"If-Range", kModified}}).response.status, 206);
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=99-"}, {"If-Range", "\"x\""}}).response.status, 200);
  // The preconditions come first.
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=0-1"}, {"If-None-Match", tag}}).response.status, 304);
  EXPECT_EQ(site.get("/a.txt", {{"Range", "bytes=99-"}, {"If-Match", "\"x\""}}).response.status, 412);
}

INSTANTIATE_TEST_SUITE_P(MemoryAndDescriptor, FileRanges, ::testing::Values(1000, 0),
                         [](const auto& info) { return info.param == 0 ? "Descriptor" : "Memory"; });

TEST(FileRangesOfChangingFiles, AShorterFileEndsTheBody) {
  TemporarySite site;
  site.directory.write("large", std::string(5000, 'x'));
  auto exchange = site.prepare("GET", "/large", {{"Range", "bytes=0-9,4000-4009"}});
  exchange->run(site.handler());
  ASSERT_EQ(::truncate(site.directory.at("large").c_str(), 100), 0);
  exchange->content();
  EXPECT_EQ(exchange->error, EIO);
}

// --- variants

class Variants : public ::testing::Test {
 protected:
  Variants() {
    site.directory.write("a.css", "the original, which is long");
    site.directory.write("a.css.br", "br");
    site.directory.write("a.css.gz", "gzip", 1'600'000'100);
    site.directory.write("a.css.zst", "zst");
  }
  std::string served(const char* accept_encoding) {
    auto& got = site.get("/a.css", {{"Accept-Encoding", accept_encoding}});
    EXPECT_EQ(got.field("Vary"), got.response.status == 200 ? "Accept-Encoding" : "Accept");
    EXPECT_EQ(got.field("Content-Type").starts_with("text/css"), got.response.status == 200);
    return got.response.status == 200 ? got.content() + " as " + got.field("Content-Encoding")
                                      : std::to_string(got.response.status);
  }
  TemporarySite site;
};

TEST_F(Variants, ByWeightThenBySize) {
  EXPECT_EQ(served("gzip, deflate, br"), "br as br");
  EXPECT_EQ(served("gzip"), "gzip as gzip");
  EXPECT_EQ(served("gzip;q=1, br;q=0.5, zstd;q=0.7"), "gzip as gzip");
  EXPECT_EQ(served("*"), "br as br");
  EXPECT_EQ(served("br;q=0, *"), "zst as zstd");
  EXPECT_EQ(served("identity"), "the original, which is long as ");
  EXPECT_EQ(served("identity, gzip;q=0.5"), "the original, which is long as ");
  EXPECT_EQ(served("gzip;q=0.001"), "gzip as gzip");
  EXPECT_EQ(served(""), "the original, which is long as ");
  EXPECT_EQ(served("identity;q=0"), "406");
  EXPECT_EQ(served("*;q=0"), "406");
  EXPECT_EQ(site.get("/a.css").content(), "the original, which is long");
  EXPECT_EQ(site.get("/a.css").field("Vary"), "Accept-Encoding");
}

TEST_F(Variants, EachHasItsOwnTagAndRanges) {
  const std::string plain = site.get("/a.css").field("ETag");
  auto& packed = site.get("/a.css", {{"Accept-Encoding", "gzip"}});
  const std::string tag = packed.field("ETag");
  EXPECT_NE(tag, plain);
  auto status = [&](const RequestFields& fields) { return site.get("/a.css", fields).response.status; };
  EXPECT_EQ(status({{"Accept-Encoding", "gzip"}, {"If-None-Match", tag}}), 304);
  EXPECT_EQ(status({{"Accept-Encoding", "gzip"}, {"If-None-Match", plain}}), 200);
  EXPECT_EQ(status({{"If-None-Match", tag}}), 200);
  EXPECT_EQ(status({{"Range", "bytes=0-1"}, {"If-Range", tag}}), 200);
  auto& part = site.get("/a.css", {{"Accept-Encoding", "gzip"}, {"Range", "bytes=1-2"}, {"If-Range", tag}});
  EXPECT_EQ(part.response.status, 206);
  EXPECT_EQ(part.content(), "zi");
  EXPECT_EQ(part.field("Content-Range"), "bytes 1-2/4");
  EXPECT_EQ(part.field("Content-Encoding"), "gzip");
}

TEST_F(Variants, NotOlderThanTheOriginal) {
  site.directory.write("a.css", "a newer original", 1'600'000'050);
  EXPECT_EQ(served("br, zstd, gzip"), "gzip as gzip");
  site.directory.write("a.css", "the newest original", 1'600'000'500);
  site.advance(std::chrono::seconds(2));
  auto& got = site.get("/a.css", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(got.content(), "the newest original");
  EXPECT_EQ(got.field("Vary"), "");
}

TEST_F(Variants, ComeAndGo) {
  EXPECT_EQ(served("br"), "br as br");
  std::filesystem::remove(site.directory.at("a.css.br"));
  site.advance(std::chrono::seconds(2));
  EXPECT_EQ(served("br, gzip;q=0.5"), "gzip as gzip");
  std::filesystem::remove(site.directory.at("a.css"));
  site.advance(std::chrono::seconds(2));
  EXPECT_EQ(site.get("/a.css", {{"Accept-Encoding", "gzip"}}).response.status, 404);
  EXPECT_EQ(site.get("/a.css.gz").field("Content-Encoding"), "");
  EXPECT_EQ(site.get("/a.css.gz").field("Content-Type"), "application/gzip");
}

TEST_F(Variants, Off) {
  site.serve(with([](FileOptions& options) { options.precompressed = Precompressed::kOff; }));
  auto& got = site.get("/a.css", {{"Accept-Encoding", "br"}});
  EXPECT_EQ(got.content(), "the original, which is long");
  EXPECT_EQ(got.field("Vary"), "");
}

}  // namespace
}  // namespace remuda::content
