// TestCertificate.swift: a self-signed certificate from the openssl command, gone with its test.

import Foundation
import HTTP
import Testing

/// Runs a command to its end; nil if it cannot be run.
func run(_ command: String, _ arguments: [String], input: [UInt8] = []) -> (
    code: Int32, output: [UInt8]
)? {
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
final class TestCertificate {
    let configuration: TLSConfiguration
    private let folder: String

    static let isPossible = ConditionTrait.enabled(
        if: TestCertificate() != nil, "the openssl command cannot make a certificate")

    /// Nil where there is no openssl command.
    init?() {
        folder = "/tmp/tokenmill-tls-\(UInt32.random(in: 0...UInt32.max))"
        configuration = TLSConfiguration(
            certificateFile: folder + "/certificate.pem", privateKeyFile: folder + "/key.pem")
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let made = run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-keyout", configuration.privateKeyFile, "-out",
                configuration.certificateFile,
            ])
        guard made?.code == 0 else { return nil }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }
}
