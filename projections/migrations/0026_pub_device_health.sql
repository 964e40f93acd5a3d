CREATE OR REPLACE VIEW pub.device_health AS
SELECT * FROM device_health
