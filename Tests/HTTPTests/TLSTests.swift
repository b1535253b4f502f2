// TLSTests.swift: TLS with a certificate made here and the openssl command as client.

import Foundation
import HTTPTypes
import Testing

@testable import HTTP

/// Runs a command to its end; nil if it cannot be run.
private func run(_ command: String, _ arguments: [String], input: [UInt8] = []) -> (code: Int32, output: [UInt8])? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "30", command] + arguments
    let standardInput = Pipe()
    let standardOutput = Pipe()
    process.standardInput = standardInput
    process.standardOutput = standardOutput
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    DispatchQueue.global().async {
        try? standardInput.fileHandleForWriting.write(contentsOf: Data(input))
        try? standardInput.fileHandleForWriting.close()
    }
    let output = [UInt8](standardOutput.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    return (process.terminationStatus, output)
}

/// A self-signed certificate in a folder that goes when this does.
private final class TestCertificate {
    let configuration: TLSConfiguration
    private let folder: String

    /// Nil, with a printed reason, where there is no openssl command.
    init?() {
        folder = "/tmp/tokenmill-tls-\(UInt32.random(in: 0...UInt32.max))"
        configuration = TLSConfiguration(certificateFile: folder + "/certificate.pem", privateKeyFile: folder + "/key.pem")
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let made = run("openssl", [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-keyout", configuration.privateKeyFile, "-out", configuration.certificateFile,
        ])
        guard made?.code == 0 else {
            print("TLS: skipped, the openssl command cannot make a certificate")
            return nil
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }
}

private func request(_ server: TestServer, _ text: String, _ options: [String] = []) -> String {
    let arguments = ["s_client", "-quiet", "-connect", "127.0.0.1:\(server.port)"] + options
    return run("openssl", arguments, input: Array(text.utf8)).map { String(decoding: $0.output, as: UTF8.self) } ?? ""
}

private let closing = "GET /secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

@Test(arguments: ["-tls1_2", "-tls1_3"]) func `a request travels through TLS`(version: String) throws {
    guard let certificate = TestCertificate() else { return }
    let server = try TestServer(configure: { $0.tls = certificate.configuration }) { request, exchange in
        #expect(request.isSecure && request.head.scheme == "https")
        TestServer.echo(request, exchange)
    }
    let answer = request(server, closing, [version, "-alpn", "h2,http/1.1"])
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.hasSuffix("GET /secret - "))
}

@Test func `TLS 1.1 and a client without http 1.1 are refused`() throws {
    guard let certificate = TestCertificate() else { return }
    let server = try TestServer(configure: { $0.tls = certificate.configuration })
    #expect(request(server, closing, ["-tls1_1"]).isEmpty)
    #expect(request(server, closing, ["-alpn", "h2"]).isEmpty)
    #expect(request(server, closing).hasSuffix("GET /secret - "))
}

@Test func `a large body comes and goes through TLS whole`() throws {
    guard let certificate = TestCertificate() else { return }
    let server = try TestServer(configure: { $0.tls = certificate.configuration })
    let body = (0..<200_000).map { "\($0) " }.joined()
    let answer = request(
        server, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    #expect(answer.hasSuffix("\r\n\r\nPOST / - " + body))
}

@Test func `a stream travels through TLS`() throws {
    guard let certificate = TestCertificate() else { return }
    let server = try TestServer(configure: { $0.tls = certificate.configuration }) { _, exchange in
        DispatchQueue.global().async {
            exchange.beginStream(.ok, [:])
            for index in 0..<100 { exchange.write(Array("<\(index)>".utf8)) }
            exchange.endStream()
        }
    }
    let answer = request(server, closing)
    #expect(answer.contains("\r\n<0>\r\n"))
    #expect(answer.hasSuffix("\r\n<99>\r\n0\r\n\r\n"))
}

@Test func `a client that speaks plainly to TLS is closed, as is one that says nothing`() throws {
    guard let certificate = TestCertificate() else { return }
    let server = try TestServer(configure: {
        $0.tls = certificate.configuration
        $0.limits.handshakeSecondsMax = 0.3
    })
    let plain = try server.client()
    plain.send(closing)
    #expect(!String(decoding: try plain.readToEnd(), as: UTF8.self).contains("HTTP"))
    let silent = try server.client()
    #expect(try silent.isEnded())
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `unusable certificates and keys are refused with the file's name`() throws {
    guard let one = TestCertificate(), let other = TestCertificate() else { return }
    func failure(_ certificateFile: String, _ privateKeyFile: String) -> TLSError? {
        do throws(TLSError) {
            _ = try TLSContext(TLSConfiguration(certificateFile: certificateFile, privateKeyFile: privateKeyFile))
            return nil
        } catch {
            return error
        }
    }
    let (certificate, key) = (one.configuration.certificateFile, one.configuration.privateKeyFile)
    #expect(failure(certificate, key) == nil)
    #expect(failure("/nowhere", key)?.description.contains("'/nowhere'") == true)
    #expect(failure(certificate, "/nowhere")?.description.contains("'/nowhere'") == true)
    #expect(failure(key, key)?.description.contains("certificate '\(key)'") == true)
    let foreign = other.configuration.privateKeyFile
    #expect(
        failure(certificate, foreign)
            == .privateKeyOfOtherCertificate(certificateFile: certificate, privateKeyFile: foreign))
}
