// A small reader of JSON for golden files, which are known to be well formed: what is not is a failure of the test.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace apo_test {

class Json {
public:
    static Json parse(const std::string& text) {
        size_t at = 0;
        return value(text, at);
    }
    static Json read(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        if (!file) throw std::runtime_error("cannot read " + path);
        return parse({std::istreambuf_iterator<char>(file), {}});
    }

    bool has(const std::string& key) const { return members_.count(key) != 0; }
    const Json& operator[](const std::string& key) const {
        const auto found = members_.find(key);
        if (found == members_.end()) throw std::runtime_error("JSON has no key " + key);
        return found->second;
    }
    const Json& operator[](size_t i) const { return items_.at(i); }
    size_t size() const { return items_.size(); }
    const std::map<std::string, Json>& members() const { return members_; }
    double number() const { return number_; }
    bool truth() const { return number_ != 0; }
    const std::string& text() const { return text_; }
    std::vector<int32_t> ints() const {
        std::vector<int32_t> all;
        for (const Json& item : items_) all.push_back(int32_t(item.number_));
        return all;
    }

private:
    static void blank(const std::string& s, size_t& at) {
        while (at < s.size() && (s[at] == ' ' || s[at] == '\n' || s[at] == '\r' || s[at] == '\t')) at++;
    }
    static void expect(const std::string& s, size_t& at, char c) {
        blank(s, at);
        if (at >= s.size() || s[at] != c) throw std::runtime_error("JSON: expected " + std::string(1, c) + " at byte " + std::to_string(at));
        at++;
    }
    static bool take(const std::string& s, size_t& at, char c) {
        blank(s, at);
        if (at >= s.size() || s[at] != c) return false;
        at++;
        return true;
    }
    // Escapes stay as they are written: the tests compare numbers and plain names alone.
    static std::string string(const std::string& s, size_t& at) {
        expect(s, at, '"');
        const size_t begin = at;
        while (at < s.size() && s[at] != '"') at += s[at] == '\\' ? 2 : 1;
        at++;
        return s.substr(begin, at - 1 - begin);
    }
    static Json value(const std::string& s, size_t& at) {
        Json json;
        blank(s, at);
        if (take(s, at, '{')) {
            if (take(s, at, '}')) return json;
            do {
                const std::string key = string(s, at);
                expect(s, at, ':');
                json.members_.emplace(key, value(s, at));
            } while (take(s, at, ','));
            expect(s, at, '}');
        } else if (take(s, at, '[')) {
            if (take(s, at, ']')) return json;
            do json.items_.push_back(value(s, at));
            while (take(s, at, ','));
            expect(s, at, ']');
        } else if (at < s.size() && s[at] == '"') {
            json.text_ = string(s, at);
        } else {
            const size_t begin = at;
            while (at < s.size() && std::string(",]} \n\r\t").find(s[at]) == std::string::npos) at++;
            json.text_ = s.substr(begin, at - begin);
            json.number_ = json.text_ == "true" ? 1 : std::strtod(json.text_.c_str(), nullptr);
        }
        return json;
    }

    std::map<std::string, Json> members_;
    std::vector<Json> items_;
    std::string text_;
    double number_ = 0;
};

}  // namespace apo_test
