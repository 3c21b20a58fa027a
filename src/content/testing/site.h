// SPDX-License-Identifier: Apache-2.0
//
// TemporarySite: a directory that a test fills, a loop whose clock the test moves, and a FileHandler that
// serves it. Look-ups run on the loop itself (an Offload without threads), so a request is answered within
// run().
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "content/file_handler.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"
#include "loop/loop.h"

namespace remuda::content::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "remuda-content-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = std::filesystem::canonical(pattern);
  }
  ~TemporaryDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string at(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Its time of modification is in the past, unless said otherwise.
  void write(std::string_view name, std::string_view text, int64_t modified = 1'600'000'000) const {
    std::filesystem::create_directories(std::filesystem::path(at(name)).parent_path());
    std::ofstream(at(name), std::ios::binary | std::ios::trunc) << text;
    set_modified(name, modified);
  }
  void set_modified(std::string_view name, int64_t seconds, long nanoseconds = 0) const {
    const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    CHECK(::utimensat(AT_FDCWD, at(name).c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  }
  void make_directory(std::string_view name) const { std::filesystem::create_directories(at(name)); }
  void link(std::string_view name, std::string_view target) const {
    CHECK(::symlink(std::string(target).c_str(), at(name).c_str()) == 0);
  }

 private:
  std::string path_;
};

using RequestFields = std::vector<std::pair<std::string, std::string>>;

class TemporarySite {
 public:
  explicit TemporarySite(FileOptions options = {}, FileCacheLimits limits = {}, ErrorPageOptions errors = {})
      : errors_(std::move(errors)), loop_(backend_), cache_(std::make_unique<FileCache>(loop_, limits)) {
    backend_.set_clock(loop::ClockMode::kByTest);
    serve(std::move(options));
  }

  // Serves with other options from now on, from the same cache.
  void serve(FileOptions options, size_t largest_in_memory = 1000) {
    options.root = directory.path();
    auto site = FileSite::open(std::move(options), types_, largest_in_memory);
    CHECK(site.has_value());
    handler_ = std::make_unique<FileHandler>(*site, *cache_, offload_, errors_);
  }

  // Another request; it lives until the next one or the end.
  http::testing::FakeExchange& request(std::string_view method, std::string_view target,
                                       const RequestFields& fields = {}) {
    exchanges_.push_back(prepare(method, target, fields));
    exchanges_.back()->run(*handler_);
    return *exchanges_.back();
  }
  http::testing::FakeExchange& get(std::string_view target, const RequestFields& fields = {}) {
    return request("GET", target, fields);
  }
  std::unique_ptr<http::testing::FakeExchange> prepare(std::string_view method, std::string_view target,
                                                       const RequestFields& fields = {}) {
    auto exchange = std::make_unique<http::testing::FakeExchange>(loop_, keep(std::string(method)),
                                                                  keep(std::string(target)));
    for (const auto& [name, value] : fields) exchange->request.fields.add(keep(name), keep(value));
    return exchange;
  }

  void advance(loop::Duration by) {
    backend_.advance(by);
    loop_.turn(loop_.now());
  }

  FileCache& cache() { return *cache_; }
  FileHandler& handler() { return *handler_; }
  loop::Loop& loop() { return loop_; }
  const std::shared_ptr<const MimeTypes>& types() const { return types_; }

  TemporaryDirectory directory;

 private:
  std::string_view keep(const std::string& text) {
    texts_.push_back(std::make_unique<std::string>(text));
    return *texts_.back();
  }

  std::shared_ptr<const MimeTypes> types_ = MimeTypes::load("", "");
  const ErrorPages errors_;
  loop::DeterministicBackend backend_;
  loop::Loop loop_;
  loop::Offload offload_{0, 0};
  std::unique_ptr<FileCache> cache_;
  std::unique_ptr<FileHandler> handler_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::unique_ptr<http::testing::FakeExchange>> exchanges_;
};

}  // namespace remuda::content::testing
