// SPDX-License-Identifier: Apache-2.0
//
// PrivateDirectory: a directory for the time of one run, removed with all that is in it when it goes. Others
// may pass through it (workers have a user of their own), but not look around.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace remuda::cli::advise {

class PrivateDirectory {
 public:
  // path() is empty if it cannot be made, and errno says why.
  PrivateDirectory() {
    std::string pattern = place() + "/remuda-advise-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr && ::chmod(pattern.c_str(), 0711) == 0) path_ = pattern;
  }
  ~PrivateDirectory() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;

  const std::string& path() const { return path_; }
  // One more below it, empty.
  std::string make(std::string_view name) const {
    const std::string made = path_ + "/" + std::string(name);
    ::mkdir(made.c_str(), 0755);
    ::chmod(made.c_str(), 0755);
    return made;
  }

 private:
  // $TMPDIR, or /tmp where that is none or too long for the names of the sockets below it.
  static std::string place() {
    constexpr size_t kLongest = 48;
    std::error_code error;
    const std::string usual = std::filesystem::temp_directory_path(error);
    return error || usual.size() > kLongest ? "/tmp" : usual;
  }

  std::string path_;
};

}  // namespace remuda::cli::advise
