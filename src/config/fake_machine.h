// SPDX-License-Identifier: Apache-2.0
//
// A machine for tests: what is not listed does not exist; every directory and program that a test reads
// stands here.
#pragma once

#include <map>
#include <string>

#include "config/machine.h"

namespace remuda::config {

struct FakeMachine final : Machine {
  bool root = false;
  std::map<std::string, Identity> users{{"www-data", {33, 33}}, {"git", {110, 111}}};
  std::map<std::string, gid_t> groups{{"www-data", 33}, {"staff", 50}};
  std::map<std::string, Access> directories{{"/site", Access::kGood},
                                            {"/site/public", Access::kGood},
                                            {"/site/secret", Access::kDenied},
                                            {"/site/file", Access::kWrongKind},
                                            {"/site/cgi-bin", Access::kGood},
                                            {"/run", Access::kGood},
                                            {"/tmp", Access::kGood}};
  std::map<std::string, Access> programs{{"/site/hello", Access::kGood}, {"/site/plain", Access::kDenied}};

  std::map<std::string, std::string> texts;  // files that can be read
  std::map<Resource, uint64_t> highest_limits;
  std::map<Means, Obstacle> obstacles;

  bool is_root() const override { return root; }
  std::optional<Identity> user(const std::string& name) const override {
    const auto found = users.find(name);
    return found == users.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<gid_t> group(const std::string& name) const override {
    const auto found = groups.find(name);
    return found == groups.end() ? std::nullopt : std::optional(found->second);
  }
  Access directory(const std::string& path, const std::optional<Identity>&) const override {
    const auto found = directories.find(path);
    return found == directories.end() ? Access::kMissing : found->second;
  }
  Access program(const std::string& path, const std::optional<Identity>&) const override {
    const auto found = programs.find(path);
    return found == programs.end() ? Access::kMissing : found->second;
  }
  Access file(const std::string& path, const std::optional<Identity>&) const override {
    return texts.contains(path) ? Access::kGood : Access::kMissing;
  }
  std::string text(const std::string& path) const override {
    const auto found = texts.find(path);
    return found == texts.end() ? std::string() : found->second;
  }
  bool holds(const std::string& path, std::string_view what) const override {
    return text(path).contains(what);
  }
  std::vector<std::string> names(const std::string& directory) const override {
    std::vector<std::string> found;
    for (const auto& [path, text] : texts) {
      const size_t slash = path.rfind('/');
      if (path.substr(0, slash) == directory) found.push_back(path.substr(slash + 1));
    }
    return found;
  }
  std::string loaders() const override { return "/usr/lib/remuda"; }
  std::optional<uint64_t> highest_limit(Resource resource) const override {
    const auto found = highest_limits.find(resource);
    return found == highest_limits.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<Obstacle> obstacle_to(Means means) const override {
    const auto found = obstacles.find(means);
    return found == obstacles.end() ? std::nullopt : std::optional(found->second);
  }
};

}  // namespace remuda::config
