import JSON
import Testing

@Suite("JSON") struct JSONTests {
    @Test(
        "values survive a round trip",
        arguments: [
            #"{"a":[1,2.5,-3e-7,true,false,null],"b":{"c":"x\ny\"\\"},"ü":"日本"}"#,
            "9223372036854775807", "-9223372036854775808", #""""#, "[]", "{}",
        ])
    func roundTrip(text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(try JSONValue(parsing: value.text()) == value)
        #expect(try JSONValue(parsing: value.text(.indented)) == value)
    }

    @Test("escapes are read as RFC 8259 says")
    func escapes() throws {
        #expect(try JSONValue(parsing: #""\u0041\u00e9\ud83d\ude00\/\b\f""#) == "Aé😀/\u{8}\u{C}")
        #expect(try JSONValue(parsing: #""\ud800x""#) == "\u{FFFD}x")
    }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", "{", "[1,]", #"{"a" 1}"#, "01", "1.", "-", "tru", #""\x""#, "\"\u{1}\"", "1 2", #"{"a":1,}"#, "nul",
        ])
    func refuses(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test("invalid UTF-8 and deep nesting are refused, not crashed on")
    func hostile() {
        #expect(throws: JSONError.invalidUTF8(offset: 1)) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
    }

    @Test("large objects find their members, also after a removal")
    func largeObject() {
        var object = JSONObject((0..<100).map { ("key\($0)", JSONValue($0)) })
        object["key50"] = nil
        #expect(object["key50"] == nil)
        #expect(object["key99"] == 99)
        object.rename("key0", to: "zero")
        #expect(object.keys.first == "zero")
    }
}
