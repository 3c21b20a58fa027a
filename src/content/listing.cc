// SPDX-License-Identifier: Apache-2.0
//
// Reading, sorting and two ways of writing.
#include "content/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/arena.h"
#include "base/html.h"
#include "content/beneath.h"
#include "http/target.h"

namespace remuda::content {

namespace {

struct Item {
  std::string name;
  bool directory = false;
  uint64_t size = 0;
  time_t modified = 0;
};

struct Items {
  std::vector<Item> all;
  bool more = false;  // there are more than kMostListed
};

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.25rem;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{padding:.25rem .5rem;text-align:left;border-bottom:1px solid color-mix(in srgb,currentColor "
    "15%,transparent)}"
    "th{font-weight:600}td:first-child{overflow-wrap:anywhere}"
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    "a{text-decoration:none}a:hover{text-decoration:underline}";

// What stands behind a link, if it would be served.
bool follow(int root, const FileSite& site, const std::string& path, struct stat& status) {
  const auto target = open_beneath(root, path, O_PATH, site.options.resolution);
  return target && ::fstat(target->get(), &status) == 0;
}

// `path`: of the directory, from the root on.
Items read_items(DIR* directory, int root, const FileSite& site, const std::string& path) {
  Items items;
  const int fd = ::dirfd(directory);
  while (const dirent* const entry = ::readdir(directory)) {
    Item item{.name = entry->d_name};
    if (item.name == "." || item.name == "..") continue;
    if (item.name.starts_with('.') && site.options.dotfiles == Dotfiles::kHide) continue;
    struct stat status{};
    if (::fstatat(fd, item.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISLNK(status.st_mode) && !follow(root, site, path + item.name, status)) continue;
    item.directory = S_ISDIR(status.st_mode);
    if (!item.directory && !S_ISREG(status.st_mode)) continue;
    if (items.all.size() == kMostListed) {
      items.more = true;
      break;
    }
    item.size = static_cast<uint64_t>(status.st_size);
    item.modified = status.st_mtim.tv_sec;
    items.all.push_back(std::move(item));
  }
  std::ranges::sort(items.all, [](const Item& a, const Item& b) {
    return a.directory != b.directory ? a.directory : a.name < b.name;
  });
  return items;
}

std::string date_text(time_t time, const char* form) {
  tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), form, &parts)};
}

std::string size_text(uint64_t size) {
  constexpr std::array<std::string_view, 5> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (size < 1024) return fmt::format("{} B", size);
  double value = static_cast<double>(size) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

void append_row(std::string& page, const Item& item) {
  std::array<std::byte, 2048> room;
  base::Arena arena(room);
  const std::string name = item.name + (item.directory ? "/" : "");
  page += "<tr><td><a href=\"";
  // "./" keeps a name with a colon from being read as a scheme.
  base::append_html_escaped(page, "./" + std::string(http::encode_path(name, arena)));
  page += "\">";
  base::append_html_escaped(page, name);
  page += fmt::format("</a><td class=n>{}<td class=n>{}\n", item.directory ? "" : size_text(item.size),
                      date_text(item.modified, "%Y-%m-%d %H:%M"));
}

std::string html(const Items& items, std::string_view path) {
  std::string title;
  base::append_html_escaped(title, path);
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n<h1>{0}</h1>\n"
      "<table>\n<thead><tr><th>Name<th class=n>Size<th class=n>Modified (UTC)\n<tbody>\n",
      title, kStyle);
  if (path != "/") page += "<tr><td><a href=\"../\">../</a><td><td>\n";
  for (const Item& item : items.all) append_row(page, item);
  page += "</table>\n";
  if (items.more) page += fmt::format("<p>Only {} entries of this directory are shown.</p>\n", kMostListed);
  return page;
}

std::string json(const Items& items) {
  auto list = nlohmann::ordered_json::array();
  for (const Item& item : items.all) {
    nlohmann::ordered_json row{{"name", item.name}, {"type", item.directory ? "directory" : "file"}};
    if (!item.directory) row["size"] = item.size;
    row["modified"] = date_text(item.modified, "%Y-%m-%dT%H:%M:%SZ");
    list.push_back(std::move(row));
  }
  // Names that are not UTF-8 get replacement characters: JSON has no other way.
  return list.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

base::Result<std::string> list_directory(const FileSite& site, std::string_view path, ListingForm form) {
  const base::Fd root(::open(site.options.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return base::failure_from_errno("open the root of files");
  const std::string relative(path.substr(site.options.prefix.size()));
  auto fd = open_beneath(root.get(), relative, O_RDONLY | O_DIRECTORY, site.options.resolution);
  if (!fd) return std::unexpected(fd.error());
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> directory(::fdopendir(fd->get()));
  if (!directory) return base::failure_from_errno("read a directory");
  fd->release();
  const Items items = read_items(directory.get(), root.get(), site, relative);
  return form == ListingForm::kHtml ? html(items, path) : json(items);
}

bool is_hidden(std::string_view path, std::string_view prefix) {
  constexpr std::string_view kWellKnown = "/.well-known/";
  size_t at = path.starts_with(kWellKnown) ? kWellKnown.size() - 1 : 0;
  at = std::max(at, prefix.size() - 1);
  return path.find("/.", at) != std::string_view::npos;
}

}  // namespace remuda::content
