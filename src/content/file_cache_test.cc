// SPDX-License-Identifier: Apache-2.0
//
// What the cache promises: looks at most once a second, notices what has changed, shares one look among those
// who wait, stays within its bounds, and lets go of everything.
#include "content/file_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "content/testing/site.h"
#include "loop/backend/epoll.h"

namespace remuda::content {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::TemporarySite;

TEST(FileCache, LooksOnceASecond) {
  TemporarySite site;
  site.directory.write("a", "one");
  EXPECT_EQ(site.get("/a").content(), "one");
  EXPECT_EQ(site.cache().counters().misses, 1U);
  site.advance(milliseconds(900));
  for (int i = 0; i < 5; ++i) site.get("/a");
  EXPECT_EQ(site.cache().counters().hits, 5U);
  EXPECT_EQ(site.cache().counters().revalidations, 0U);
  site.advance(milliseconds(200));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(site.get("/a").content(), "one");
  EXPECT_EQ(site.cache().counters().revalidations, 1U);
  EXPECT_EQ(site.cache().counters().hits, 9U);
}

TEST(FileCache, NoticesChanges) {
  for (const size_t largest_in_memory : {1000, 0}) {
    TemporarySite site;
    site.serve({}, largest_in_memory);
    site.directory.write("a", "one");
    EXPECT_EQ(site.get("/a").content(), "one");
    site.directory.write("a", "changed in place", 1'600'000'001);
    site.advance(seconds(2));
    EXPECT_EQ(site.get("/a").content(), "changed in place");
    // Replaced by a file of the same size and age: another inode.
    site.directory.write("b", "CHANGED IN PLACE", 1'600'000'001);
    std::filesystem::rename(site.directory.at("b"), site.directory.at("a"));
    site.advance(seconds(2));
    EXPECT_EQ(site.get("/a").content(), "CHANGED IN PLACE");
    std::filesystem::remove(site.directory.at("a"));
    EXPECT_EQ(site.get("/a").response.status, 200);  // still fresh
    site.advance(seconds(2));
    EXPECT_EQ(site.get("/a").response.status, 404);
    EXPECT_EQ(site.cache().entries(), 0U);
    EXPECT_EQ(site.cache().bytes(), 0U);
    EXPECT_EQ(site.cache().descriptors(), 0U);
    site.directory.make_directory("a");
    EXPECT_EQ(site.get("/a").response.status, 301);
    site.advance(seconds(2));
    std::filesystem::remove(site.directory.at("a"));
    site.directory.write("a", "a file again");
    EXPECT_EQ(site.get("/a").content(), "a file again");
  }
}

// The root is looked up anew, so a deployment that exchanges it is seen.
TEST(FileCache, NoticesAnotherRoot) {
  TemporarySite site;
  site.directory.write("v1/a", "one");
  site.directory.write("v2/a", "two");
  site.directory.link("current", "v1");
  auto options = FileOptions{.root = site.directory.at("current")};
  auto shared = FileSite::open(options, site.types());
  ASSERT_TRUE(shared.has_value());
  const ErrorPages errors;
  loop::Offload offload(0, 0);
  FileHandler handler(*shared, site.cache(), offload, errors);
  auto first = site.prepare("GET", "/a");
  first->run(handler);
  EXPECT_EQ(first->content(), "one");
  std::filesystem::remove(site.directory.at("current"));
  site.directory.link("current", "v2");
  site.advance(seconds(2));
  auto second = site.prepare("GET", "/a");
  second->run(handler);
  EXPECT_EQ(second->content(), "two");
}

// Two changes within one tick of the file system's clock: the second is seen although no time tells of it.
TEST(FileCache, ReadsYoungFilesAgain) {
  TemporarySite site;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  site.directory.write("a", "one", now.tv_sec);
  site.directory.set_modified("a", now.tv_sec, now.tv_nsec);
  EXPECT_EQ(site.get("/a").content(), "one");
  site.advance(seconds(2));
  site.get("/a");
  EXPECT_EQ(site.cache().counters().revalidations, 0U);
  EXPECT_EQ(site.cache().counters().replacements, 1U);
}

TEST(FileCache, AnEntryOutlivesItsReplacementWhileItIsSent) {
  TemporarySite site;
  site.directory.write("a", "one");
  auto slow = site.prepare("GET", "/a");
  slow->run(site.handler());
  site.directory.write("a", "changed", 1'600'000'001);
  site.advance(seconds(2));
  EXPECT_EQ(site.get("/a").content(), "changed");
  EXPECT_EQ(slow->content(), "one");
}

TEST(FileCache, RefusalsFillNothing) {
  TemporarySite site;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(site.get("/nothing/" + std::to_string(i)).response.status, 404);
  EXPECT_EQ(site.cache().entries(), 0U);
  site.directory.write("nothing/1", "something");
  EXPECT_EQ(site.get("/nothing/1").content(), "something");  // at once
}

TEST(FileCache, BoundedByEntries) {
  TemporarySite site({}, {.entries = 10});
  for (int i = 0; i < 30; ++i) site.directory.write("f" + std::to_string(i), "x");
  site.get("/f0");
  for (int i = 1; i < 30; ++i) {
    site.get("/f0");  // used all the time, so it stays
    site.get("/f" + std::to_string(i));
    EXPECT_LE(site.cache().entries(), 10U);
  }
  EXPECT_EQ(site.cache().counters().evictions, 20U);
  const uint64_t misses = site.cache().counters().misses;
  site.get("/f0");
  EXPECT_EQ(site.cache().counters().misses, misses);
}

TEST(FileCache, BoundedByBytesAndDescriptors) {
  TemporarySite site({}, {.bytes = 20'000, .descriptors = 3});
  for (int i = 0; i < 100; ++i)
    site.directory.write("f" + std::to_string(i), std::string(i % 2 == 0 ? 900 : 2000, 'x'));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(site.get("/f" + std::to_string(i)).response.status, 200);
    EXPECT_LE(site.cache().bytes(), 20'000U);
    EXPECT_LE(site.cache().descriptors(), 3U);
  }
  EXPECT_GT(site.cache().entries(), 5U);
}

TEST(FileCache, NothingKept) {
  TemporarySite site({}, {.bytes = 0});
  site.directory.write("a", "one");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(site.get("/a").content(), "one");
  EXPECT_EQ(site.cache().entries(), 0U);
  EXPECT_EQ(site.cache().counters().misses, 3U);
}

TEST(FileCache, SitesDoNotMix) {
  TemporarySite site;
  site.directory.write("a.html", "html");
  site.directory.write("a.html.gz", "gzip");
  EXPECT_EQ(site.get("/a.html", {{"Accept-Encoding", "gzip"}}).content(), "gzip");
  site.serve({.precompressed = Precompressed::kOff});
  EXPECT_EQ(site.get("/a.html", {{"Accept-Encoding", "gzip"}}).content(), "html");
}

TEST(FileCache, OutOfDescriptors) {
  TemporarySite site;
  site.directory.write("a", "one");
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto& got = site.get("/a");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(got.response.status, 503);
  EXPECT_EQ(site.get("/a").response.status, 200);
}

// --- with real threads

class Threads : public ::testing::Test {
 protected:
  Threads() : backend(*loop::EpollBackend::create()), loop(*backend), cache(loop, {}) {}

  std::unique_ptr<FileHandler> handler(loop::Offload& offload) {
    auto site = FileSite::open({.root = directory.path()}, types);
    CHECK(site.has_value());
    return std::make_unique<FileHandler>(*site, cache, offload, errors);
  }

  testing::TemporaryDirectory directory;
  const std::shared_ptr<const MimeTypes> types = MimeTypes::load("", "");
  const ErrorPages errors;
  std::unique_ptr<loop::EpollBackend> backend;
  loop::Loop loop;
  FileCache cache;
};

TEST_F(Threads, ManyWaitForOneLook) {
  directory.write("a", "one");
  loop::Offload offload(2, 100);
  const auto files = handler(offload);
  std::vector<std::unique_ptr<http::testing::FakeExchange>> exchanges;
  for (int i = 0; i < 200; ++i) {
    exchanges.push_back(
        std::make_unique<http::testing::FakeExchange>(loop, "GET", i % 2 == 0 ? "/a" : "/nothing"));
    exchanges.back()->start(*files);
  }
  for (int i = 0; i < 200; ++i) {
    exchanges[i]->finish();
    EXPECT_EQ(exchanges[i]->response.status, i % 2 == 0 ? 200 : 404);
  }
  EXPECT_EQ(cache.counters().misses, 2U);
}

TEST_F(Threads, AFullQueueIsAnAnswer) {
  directory.write("a", "one");
  loop::Offload offload(1, 1);
  const auto files = handler(offload);
  std::vector<std::unique_ptr<http::testing::FakeExchange>> exchanges;
  std::vector<std::string> paths;
  for (int i = 0; i < 50; ++i) paths.push_back("/" + std::to_string(i));
  for (const std::string& path : paths) {
    exchanges.push_back(std::make_unique<http::testing::FakeExchange>(loop, "GET", path));
    exchanges.back()->start(*files);
  }
  int busy = 0;
  for (auto& exchange : exchanges) {
    exchange->finish();
    if (exchange->response.status == 503) {
      EXPECT_EQ(exchange->field("Retry-After"), "1");
      ++busy;
    } else {
      EXPECT_EQ(exchange->response.status, 404);
    }
  }
  EXPECT_GT(busy, 0);
  EXPECT_EQ(cache.entries(), 0U);
}

// Files change all the time while they are asked for; each answer is one version, whole.
TEST_F(Threads, EachAnswerIsOneVersion) {
  loop::Offload offload(2, 100);
  FileCache restless(loop, {.fresh = milliseconds(0)});
  auto site = FileSite::open({.root = directory.path()}, types);
  ASSERT_TRUE(site.has_value());
  FileHandler files(*site, restless, offload, errors);
  directory.write("a", std::string(1000, 'a'));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string version(500 + i % 700, static_cast<char>('a' + i % 26));
      if (i % 3 == 0) {
        directory.write("a", version, 1'600'000'000 + i);  // in place: may be seen half written
      } else {
        directory.write("new", version, 1'600'000'000 + i);
        std::filesystem::rename(directory.at("new"), directory.at("a"));
      }
    }
  });
  for (int i = 0; i < 500; ++i) {
    http::testing::FakeExchange exchange(loop, "GET", "/a");
    exchange.run(files);
    EXPECT_EQ(exchange.response.status, 200);
    const std::string content = exchange.content();
    EXPECT_EQ(content.find_first_not_of(content.empty() ? 'x' : content[0]), std::string::npos);
  }
  stop = true;
  writer.join();
}

TEST_F(Threads, ColdFilesAreWarmedElsewhere) {
  directory.write("large", std::string(3 << 20, 'x'));
  loop::Offload offload(1, 10);
  const auto files = handler(offload);
  http::testing::FakeExchange exchange(loop, "GET", "/large");
  exchange.run(*files);
  const auto& file = std::get<http::FileContent>(exchange.response.content);
  ASSERT_EQ(::fsync(file.fd), 0);
  ::posix_fadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED);
  if (file.warmer->is_warm(file.fd, 0, file.length))
    GTEST_SKIP() << "this file system keeps everything in memory";
  bool done = false;
  loop.root().spawn([](http::FileContent content, bool& ended) -> loop::Task<void> {
    co_await content.warmer->warm(content.fd, 0, content.length);
    ended = true;
  }(file, done));
  while (!done) loop.turn(loop.now() + milliseconds(20));
  EXPECT_TRUE(file.warmer->is_warm(file.fd, 0, file.length));
}

}  // namespace
}  // namespace remuda::content
