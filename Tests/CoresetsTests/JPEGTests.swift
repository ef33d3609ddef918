import Coresets
import Files
import Foundation
import Testing

@Suite("JPEG images as features") struct JPEGTests {
    /// 37 × 29 pixels, written by Pillow in the ways that its encoder has; and the means of four equal cells of the grey
    /// values that Pillow then reads.
    private static let images: [String: (means: [Double], data: String)] = [
        "444": (
            [0.3138, 0.4449, 0.6058, 0.7076],
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdB"
                + "RkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P"
                + "T09PT09PT09PT09PT0//wAARCAAdACUDAREAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA"
                + "AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6"
                + "Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG"
                + "x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA"
                + "AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5"
                + "OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE"
                + "xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDkY7b2r7qrVOWnMsx23tXnVap205lmO29q"
                + "82rVO6nMsx23tXm1ap3U5lhbbjpXBOrqdkZ6FaO29q+0q1T8/pzLMdt7V51Wqd1OZYjtvavNq1TupzLMdt7V51WqdtOZZW24"
                + "6V586up2xnoVY7b2r7SrVPz+nMsx23tXnVap3U5lmO29q82rVO2nMsx23tXnVap3U5kd7MLMovlhywJI3YxXLGPtG9bGGOzV"
                + "YPlXLdvztb8H/SCOFa+wqzZ8pTkyzHCtebVmztpyZZjhWvOqzZ3U5MsxwrXm1Zs7acmeb6r4zDX7g6dwoAH77oMZ/u+9e1Sy"
                + "u0F7/wCH/BObN8olLFyTqbWS08r9/M//2Q=="
        ),
        "420": (
            [0.3138, 0.4449, 0.6058, 0.7069],
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdB"
                + "RkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P"
                + "T09PT09PT09PT09PT0//wAARCAAdACUDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA"
                + "AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6"
                + "Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG"
                + "x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA"
                + "AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5"
                + "OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE"
                + "xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDkY7b2qzHbe1aMdt7VZjtvavqcViTmw9Yz"
                + "o7b2qzHbe1aEdt7VZjtvavnMViT3MPWM5bbjpRW0ttx0orxZYnU9RVtCrHbe1WY7b2q9HCtWY4Vr3sViGfneHqlGO29qsx23"
                + "tV6OFasxwrXzmKxDPbw9UxL2YWZRfLDlgSRuxiiuS1XxmGv3B07hQAP33QYz/d96KccBWaTcPx/4JzYuvmka8o09Enb7PTQ/"
                + "/9k="
        ),
        "progressive": (
            [0.3138, 0.4449, 0.6058, 0.7069],
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdB"
                + "RkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P"
                + "T09PT09PT09PT09PT0//wgARCAAdACUDASIAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAAAwQABf/EABgBAAMBAQAAAAAA"
                + "AAAAAAAAAAMEBQEG/9oADAMBAAIQAxAAAAHkJSlQU6ULOem1uSaJXR/nQV0mvRbkbRf/xAAaEAEBAQEAAwAAAAAAAAAAAAAB"
                + "AAISAwQi/9oACAEBAAEFAjMZjMZuYzGYzGbmMxmMxm28QQQQXl9z7//EABoRAAMBAAMAAAAAAAAAAAAAAAACAwEEEsH/2gAI"
                + "AQMBAT8Bm5NzuTYmxV+Vj7i+H//EABgRAQEBAQEAAAAAAAAAAAAAAAMAAQJR/9oACAECAQE/AVSVLUlSVLA78v/EABkQAAEF"
                + "AAAAAAAAAAAAAAAAAAAgMDEzof/aAAgBAQAGPwJ6E16f/8QAHBAAAgICAwAAAAAAAAAAAAAAAAERICFBUWHw/9oACAEBAAE/"
                + "IaACqAFUAYSynsSJEiSV+Huj/9oADAMBAAIAAwAAABBdn2WY3//EABkRAAMAAwAAAAAAAAAAAAAAAAEQIQARgf/aAAgBAwEB"
                + "PxBAIazIAOuJn//EABkRAQEAAwEAAAAAAAAAAAAAAAEAECGh4f/aAAgBAgEBPxDC7ZJJQL37f//EABwQAAMAAwADAAAAAAAA"
                + "AAAAAAABYREhMSBRsf/aAAgBAQABPxCJEiRNPCJEiRNPCJEiRFNiOjbWmPEABab1RJeixn6P/9k="
        ),
        "grey": (
            [0.3138, 0.4449, 0.6058, 0.7079],
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdB"
                + "RkxOUlNSMj5aYVpQYEpRUk//wAALCAAdACUBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgED"
                + "AwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RF"
                + "RkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJ"
                + "ytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AORjtvarMdt7VZjtvarMdt7VYW246VWjtvarMdt7VYjt"
                + "varMdt7VZW246VVjtvarMdt7VZjtvarMdt7VHezCzKL5YcsCSN2MURwrVmOFasxwrVmOFa831XxmGv3B07hQAP33QYz/AHfe"
                + "v//Z"
        ),
        "cmyk": (
            [0.3142, 0.4442, 0.6069, 0.7081],
            "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZM"
                + "TlJTUjI+WmFaUGBKUVJP/8AAFAgAHQAlBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//E"
                + "ALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2"
                + "Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrC"
                + "w8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwDgbOPpXCLYe1eg3Tda9Ores4+l"
                + "SrYe1Y903Wit6zj6VIth7VjXTdaK3bOPpUq2HtWNdN1orbgj+SpRYcdKyZm+eivFbOPpWoth7V63dN1ores4+lSrYe1Y903W"
                + "it2zj6VKth7VjXTdaK3rOPpUq2HtWNdN1orbgj+SpBYcdKyZm+eivFbOPpWoth7V63dN1ores4+lSrYe1Y903Wit2zj6VKth"
                + "7VjXTdaK3rOPpUq2HtWPdN1oqh4r8Xx+FmtIhZrdyXCszJ5+wxgYAJGDwcn/AL5NSiw46VkTN89FefWajitBbZK9cuj1ores"
                + "1HFSrbJWNdHrRW7ZqOKlW2Sse6PWit6zUcVKtslY10etFeUfEeaWbxndxyvuW3SOOMYA2rsDY9+WY/jXmo+KiY/5AP8A5N//"
                + "AGFZMx+eiv/Z"
        ),
        "restart": (
            [0.3138, 0.4449, 0.6058, 0.7069],
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdB"
                + "RkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P"
                + "T09PT09PT09PT09PT0//wAARCAAdACUDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA"
                + "AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6"
                + "Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG"
                + "x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA"
                + "AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5"
                + "OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE"
                + "xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/90ABAAB/9oADAMBAAIRAxEAPwDkY7b2qzHbe1aMdt7VZjtvavqc"
                + "ViTmw9Y//9DDjtvarMdt7VoR23tVmO29q2xWJPTw9Y//0ai23HSitpbbjpRXlyxOp9Oq2h//0pY7b2qzHbe1Xo4VqzHCtdWK"
                + "xDPCw9U//9PXjtvarMdt7VejhWrMcK142KxDJw9U/9TcvZhZlF8sOWBJG7GKK5LVfGYa/cHTuFAA/fdBjP8Ad96K8eOArNJu"
                + "H4/8E5MXXzSNeUaeiTt9npof/9k="
        ),
    ]

    private static func bytes(_ name: String) throws -> [UInt8] {
        let image = try #require(images[name])
        return Array(try #require(Data(base64Encoded: image.data)))
    }

    private static func features(_ bytes: [UInt8]) throws -> [Double] {
        let path = NSTemporaryDirectory() + "jpeg-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AtomicFile.write(bytes, to: path + "/photo.JPG")
        return try ImageFolder(path, cells: 2).features(as: Double.self).storage
    }

    /// The error, which must name the file.
    private static func failure(_ bytes: [UInt8]) -> String? {
        do {
            _ = try features(bytes)
            return nil
        } catch let error as CoresetError {
            #expect("\(error)".contains("photo.JPG"), "\(error)")
            return "\(error)"
        } catch {
            Issue.record("\(error) is no error of ours")
            return nil
        }
    }

    @Test("every kind has the means that another reader finds") func kinds() throws {
        #expect(Self.images.count == 6)
        for (name, image) in Self.images {
            for (ours, theirs) in zip(try Self.features(Self.bytes(name)), image.means) {
                // Pillow rounds each grey value after it rounded each colour.
                #expect(abs(ours - theirs) < 0.004, "\(name): \(ours), \(theirs)")
            }
        }
    }

    @Test("what ends early is an error, wherever it ends; what is changed is read or an error") func damage() throws {
        for name in Self.images.keys.sorted() {
            let good = try Self.bytes(name)
            for length in stride(from: 3, to: good.count, by: 5) {
                #expect(Self.failure(Array(good[..<length])) != nil, "\(name) cut at \(length)")
            }
            var errors = 0
            for place in stride(from: 3, to: good.count, by: 3) {
                var bytes = good
                bytes[place] ^= 0x5A
                if Self.failure(bytes) != nil { errors += 1 }
            }
            #expect(errors > 0, "\(name)")
        }
    }

    @Test("no size that is claimed and no number of scans makes a small file large") func claims() throws {
        var huge = try Self.bytes("progressive")
        let frame = try #require(huge.indices.dropLast(8).first { huge[$0] == 0xFF && huge[$0 + 1] == 0xC2 })
        huge.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
        let reason = try #require(Self.failure(huge))
        #expect(reason.contains("65500"))
        huge.replaceSubrange(frame + 5..<frame + 9, with: [0, 0, 0, 37])
        #expect(Self.failure(huge) != nil)
        // The last scan again and again.
        var many = try Self.bytes("progressive")
        let scan = try #require(many.indices.dropLast().last { many[$0] == 0xFF && many[$0 + 1] == 0xDA })
        let again = Array(many[scan..<many.count - 2])
        many.removeLast(2)
        for _ in 0..<1000 { many += again }
        #expect(Self.failure(many + [0xFF, 0xD9]) != nil)
    }
}
